"""What a hostile or broken client may send to any route, and the one end that it has; the cases are data, by family.

A case puts the route's word wherever it sends something of its own: nothing of it may come back, be kept or be logged.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from support.http_routes import Kind, Route

Send = Callable[[Route], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class End:
    """One answer.

    Attributes:
        answers: status and slug, any of these; "plain": the one the route gives without the trick.
        closes: whether the connection ends with it; None: whichever.
    """

    answers: frozenset[str]
    closes: bool | None = False


def end(*answers: str, closes: bool | None = None) -> End:
    return End(frozenset(answers), closes)


PLAIN: Final = end("plain", closes=False)
CLOSED: Final = end("plain", closes=True)
MALFORMED: Final = end("400 malformed-request", closes=True)
TOO_LARGE_HEAD: Final = end("431 headers-too-large", closes=True)
NOT_FOUND: Final = end("404 not-found")
NO_METHOD: Final = end("405 method-not-allowed")
Ends = tuple[End, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """One trick.

    Attributes:
        name: a column of the matrix.
        send: what goes over the wire, piece by piece.
        ends: the answers by kind of route; for a kind that is missing there is nothing to try.
        applies: says for which routes else there is.
        is_head: the method is HEAD, whose answer has no body to look at.
    """

    name: str
    send: Send
    ends: dict[Kind, Ends]
    applies: Callable[[Route], bool] = field(default=lambda _: True)
    is_head: bool = False

    def tries(self, route: Route) -> bool:
        return route.kind in self.ends and self.applies(route)


def edge(  # a table is read in columns
    name: str,
    send: Send,
    every: End | Ends | None,
    by_kind: Mapping[Kind, End | Ends] | None = None,
    applies: Callable[[Route], bool] = lambda _: True,
    **by_name: End | Ends | None,
) -> Edge:
    """Make a case: one end for every kind of route but those given; None: not for these."""
    kinds: tuple[Kind, ...] = ("none", "json", "form")
    ends: dict[Kind, Ends] = {}
    for kind in kinds:
        found = by_name.get(kind, (by_kind or {}).get(kind, every))
        if found is not None:
            ends[kind] = found if isinstance(found, tuple) else (found,)
    return Edge(name, send, ends, applies)


def with_lines(*lines: str) -> Send:
    """Further header lines behind the request's own; {word} stands for the route's word."""
    return lambda route: [route.sized(*(line.replace("{word}", route.word) for line in lines))]


def with_headers(**headers: str | None) -> Send:
    """Other headers; underscores are hyphens, {word} is the word, None leaves one out."""

    def send(route: Route) -> list[bytes]:
        given = {
            name.replace("_", "-"): value and value.replace("{word}", route.word) for name, value in headers.items()
        }
        return [route.but(headers=given).sized()]

    return send


def has(header: str) -> Callable[[Route], bool]:
    return lambda route: header in route.headers
