"""What a failure means: a table from exception to class, tested row by row; the chassis acts on the class alone."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from hoso_chassis.outbox import NotAnnounceable
from hoso_chassis.positions import PartitionLost
from hoso_chassis.postgres import AWAY, CONFLICT, FOREIGN, is_unencodable
from hoso_chassis.work import OutcomeUnknown, TargetRefused, TargetUnavailable
from hoso_contracts.errors import BadRecord


class Failure(Enum):
    """The decision that a failure forces."""

    PERMANENT = "permanent"  # the record is bad: dead letter
    TRANSIENT = "transient"  # the database is away: hold, skip nothing
    CONFLICT = "conflict"  # two transactions met: the same batch again
    LOST = "lost"  # somebody else owns the partition: roll back, read the positions again
    BUG = "bug"  # our fault: dead letter and an alarm, too many in a row halt
    HALT = "halt"  # stop consuming until an operator has looked


class NoSuchAggregate(Exception):
    """The record speaks of something that this service does not have."""


class Halt(Exception):
    """Consuming must not go on; the message says why and what an operator can do."""


_CHASSIS: Mapping[type[BaseException], Failure] = {
    BadRecord: Failure.PERMANENT,
    NoSuchAggregate: Failure.PERMANENT,
    NotAnnounceable: Failure.BUG,
    PartitionLost: Failure.LOST,
    Halt: Failure.HALT,
    **dict.fromkeys(AWAY, Failure.TRANSIENT),
    **dict.fromkeys(CONFLICT, Failure.CONFLICT),
    **dict.fromkeys(FOREIGN, Failure.HALT),
}


_OUTCOMES: Mapping[type[Exception], str] = {
    TargetUnavailable: "unavailable",
    TargetRefused: "refused",
    OutcomeUnknown: "unknown",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The chassis' table and a service's own rows, which go first; the nearest base class decides, else it is a bug."""

    rows: Mapping[type[BaseException], Failure] = field(default_factory=dict[type[BaseException], Failure])

    def classify(self, error: BaseException) -> Failure:
        """The class of a failure."""
        if is_unencodable(error):
            return Failure.BUG
        table = {**_CHASSIS, **self.rows}
        for cls in type(error).__mro__:
            if cls in table:
                return table[cls]
        return Failure.BUG

    def table(self) -> "Table":
        """Its own rows, for the README."""
        return Table("a record from Kafka", {cls.__name__: meaning for cls, meaning in self.rows.items()}, Failure.BUG)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a service's `policy.py`, as its README shows it and its tests go through it row by row.

    Attributes:
        of: whose failures these are.
        rows: from what happens to what that means, a class of record failures or of outcomes of a call.
        otherwise: what everything else means.
    """

    of: str
    rows: Mapping[str, Failure | type[Exception]]
    otherwise: Failure | type[Exception]

    def lines(self) -> list[str]:
        """The rows in Markdown; equal meanings one after the other as the code has them."""
        every = [*self.rows.items(), ("anything else", self.otherwise)]
        return [f"| {self.of} | {what} | {word(meaning)} |" for what, meaning in every]


def word(meaning: Failure | type[Exception]) -> str:
    """A meaning in a word: of a call "unavailable" (again), "refused" (given up) or "unknown"."""
    if isinstance(meaning, Failure):
        return meaning.value
    return next((said for cls, said in _OUTCOMES.items() if issubclass(meaning, cls)), meaning.__name__)


def reason(error: BaseException) -> str:
    """Why consuming ends, for an operator: a halt says it itself, of anything else the place is told."""
    return str(error) if isinstance(error, Halt) else place(error)


def place(error: BaseException) -> str:
    """An exception's type and our line that it came through: all that may be told, since its words may hold values."""
    frames = [
        frame.f_globals.get("__name__", "?") + f":{line}" for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    ours = [frame for frame in frames if frame.startswith("hoso_")]
    return f"{type(error).__name__} at {(ours or frames or ['?'])[-1]}"
