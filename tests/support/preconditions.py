"""If-Match and Idempotency-Key in all their combinations, as data: what a request carries, and its one end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from support.form import LONG

Lines = Callable[[int], tuple[str, ...]]
"""From the version that the thing has, the lines of If-Match."""

MATCHES: Final[Mapping[str, Lines]] = {
    "missing": lambda _: (),
    "right": lambda version: (f'"{version}"',),
    "stale": lambda version: (f'"{version - 1}"',),
    "future": lambda version: (f'"{version + 1}"',),
    "far future": lambda _: ('"999999999999999999"',),
    "empty": lambda _: ("",),
    "unquoted": lambda version: (f"{version}",),
    "word": lambda _: ('"latest"',),
    "leading zero": lambda version: (f'"0{version}"',),
    "other digits": lambda _: ('"\u0663"',),
    "too many digits": lambda _: ('"1999999999999999999"',),
    "any": lambda _: ("*",),
    "weak": lambda version: (f'W/"{version}"',),
    "list": lambda version: (f'"{version}", "{version + 1}"',),
    "two lines alike": lambda version: (f'"{version}"', f'"{version}"'),
    "two lines": lambda version: (f'"{version}"', f'"{version + 1}"'),
}
WELL_FORMED: Final = frozenset({"right", "stale", "future", "far future"})

_FEW: Final = ("missing", "right", "stale", "future", "any")

BAD_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "empty": ("",),
    "blank": (" ",),
    "with a space": ("a b",),
    "256 characters": ("k" * 256,),
    "not ASCII": ("khóa",),
    "control character": ("a\x7f",),
    "two lines alike": ("a", "a"),
    "two lines": ("a", "b"),
}
KEYS: Final = (
    "missing",
    "new",
    "255 characters",
    "repeated",
    "for another body",
    "for another id",
    "another person's",
    "expired",
    "in flight",
    *BAD_KEYS,
)


@dataclass(frozen=True, slots=True)
class End:
    """What becomes of a request.

    Attributes:
        slug: of the problem; None: it succeeds.
        effect: whether it happens now; a repeated request succeeds without.
    """

    status: int
    slug: str | None = None
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """What a route looks at, and what it says to somebody who does again what was done.

    Attributes:
        done: status of its success.
        again: to the same person, once the key has expired and the version is the right one.
        other: to another person who may use the route, whatever the version where there is no thing of theirs.
        ids: whether its path has an id.
        bodies: whether two good bodies may differ.
    """

    done: int
    takes_key: bool
    takes_match: bool
    again: End
    other: End
    ids: bool = True
    bodies: bool = True


_NOT_FOUND: Final = End(404, "not-found")
_WRONG_STATUS: Final = End(409, "wrong-status")

ROUTES: Final[Mapping[str, Rules]] = {
    "POST /v1/drafts": Rules(
        201, takes_key=True, takes_match=False, again=End(201, None, effect=True), other=End(201, None, effect=True),
        ids=False, bodies=False,
    ),
    "PATCH /v1/drafts/{draft_id}": Rules(
        200, takes_key=False, takes_match=True, again=End(200, None, effect=True), other=_NOT_FOUND
    ),
    "POST /v1/drafts/{draft_id}/submit": Rules(
        201, takes_key=True, takes_match=False, again=End(409, "already-submitted"), other=_NOT_FOUND
    ),
    "POST /v1/dossiers/{dossier_id}/accept": Rules(
        200, takes_key=True, takes_match=True, again=_WRONG_STATUS, other=_WRONG_STATUS, bodies=False
    ),
    "POST /v1/dossiers/{dossier_id}/refuse": Rules(
        200, takes_key=True, takes_match=True, again=_WRONG_STATUS, other=_WRONG_STATUS
    ),
    "POST /v1/attachments": Rules(
        201, takes_key=True, takes_match=False, again=End(201, None, effect=True), other=End(201, None, effect=True),
        ids=False,
    ),
}  # fmt: skip


def matches_of(key: str) -> tuple[str, ...]:
    """The ways of If-Match that a kind of key is tried with: all with a new key, fewer in the short form otherwise."""
    return tuple(MATCHES) if LONG or key == "new" else _FEW


def applies(rules: Rules, key: str) -> bool:
    """Whether the route has such a case at all."""
    return (rules.bodies or key != "for another body") and (rules.ids or key != "for another id")


def end_of(rules: Rules, key: str, match: str) -> End:
    """The end of a request, by the order in which README of hoso-chassis says that its headers are looked at."""
    bad_key = _bad_key(key) if rules.takes_key else None
    bad_match = _bad_match(match) if rules.takes_match else None
    if refused := bad_key or bad_match or (_by_key(rules, key) if rules.takes_key else None):
        return refused
    if key == "another person's" and rules.other == _NOT_FOUND:
        return rules.other
    if rules.takes_match and match != "right":
        return End(412, "version-changed")
    return {"expired": rules.again, "another person's": rules.other}.get(key, End(rules.done, None, effect=True))


def _bad_key(key: str) -> End | None:
    if key == "missing":
        return End(400, "idempotency-key-missing")
    return End(400, "idempotency-key-malformed") if key in BAD_KEYS else None


def _bad_match(match: str) -> End | None:
    if match == "missing":
        return End(428, "if-match-missing")
    return None if match in WELL_FORMED else End(400, "if-match-malformed")


def _by_key(rules: Rules, key: str) -> End | None:
    """What the key alone decides, whatever version was seen."""
    if key == "in flight":
        return End(409, "idempotency-key-in-flight")
    if key == "repeated":
        return End(rules.done)
    return End(422, "idempotency-key-reused") if key in {"for another body", "for another id"} else None
