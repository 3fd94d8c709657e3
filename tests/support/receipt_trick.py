"""What a trick with receipts is: what is handed in, by whom, and its end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

TAKEN: Final = "201"
BOUND: Final = "201, bound"
ASKED_AGAIN: Final = "201, papers asked for again"
SUBMITTED: Final = "409 already-submitted"
ABSENT: Final = "404 not-found"


def refused(code: str, *places: int) -> str:
    """Refused for a flaw of these receipts."""
    return " ".join(["422 receipt-invalid", *(f"/receipts/{place} {code}" for place in places or (0,))])


def invalid(pointer: str, code: str) -> str:
    """Refused because the body is not of the documented form."""
    return f"422 invalid-request {pointer} {code}"


@dataclass(frozen=True, slots=True)
class Papers:
    """Receipts as storage gave them, and the token of their owner.

    Attributes:
        mandatory, other: for the draft, each for its component.
        elsewhere: for another draft of the owner's.
        strangers: of another citizen, for a draft of their own.
        intruding: of another citizen, for the owner's draft.
        astray: of the owner, for the other citizen's draft.
        unknown: of the owner, for a component that the procedure does not have.
    """

    mandatory: str = field(repr=False)
    other: str = field(repr=False)
    elsewhere: str = field(repr=False)
    strangers: str = field(repr=False)
    intruding: str = field(repr=False)
    astray: str = field(repr=False)
    unknown: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trick:
    """One thing to try.

    Attributes:
        make: the receipts that are handed in.
        into: the draft they are handed in with: `draft`, `elsewhere` or `strangers`.
        submitted: whether `draft` was submitted before, with its mandatory paper.
        by: who hands them in, `owner` or `stranger`.
        keys: which keys dossier has: `old`, `both`, `new`.
        days: which the clock of dossier is ahead.
    """

    name: str
    end: str
    make: Callable[[Papers], Any]
    into: str = "draft"
    by: str = "owner"
    keys: str = "old"
    days: int = 0
    submitted: bool = False
