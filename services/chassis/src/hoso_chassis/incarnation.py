"""Which life of its database a service has, told from the one before by what no restore keeps; it heals nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hoso_chassis.postgres import Connection

_STANDING: Final = """
SELECT identity = current_incarnation() AS is_settled, epoch, restored_at FROM incarnation
"""
_SETTLE: Final = "UPDATE incarnation SET identity = current_incarnation(), restored_at = now()"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMED: Final = 7  # the version of ids that begin with their time (RFC 9562)
_RAISE: Final = "UPDATE incarnation SET epoch = $1 WHERE epoch < $1"


class DatabaseRestored(Exception):
    """The database was put back, or promoted, and its relay has not compared it with the log yet."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the database stands to its own past.

    Attributes:
        is_settled: it is the one that the relay last compared with the log.
        epoch: the highest that the operator's setting has had while it was settled.
        restored_at: when it was last found to have been put back; None: never.
    """

    is_settled: bool
    epoch: int
    restored_at: datetime | None

    def may_have_forgotten(self, request: UUID | None) -> bool:
        """Whether what an event asked for may have been done in a life of the database that it does not remember."""
        if self.restored_at is None or request is None or request.version != _TIMED:
            return False
        return _EPOCH + timedelta(milliseconds=request.int >> 80) < self.restored_at


async def standing(connection: Connection) -> Standing:
    """Compare with what is kept; an ordinary restart of PostgreSQL changes nothing."""
    row = await connection.fetchrow(_STANDING)
    if row is None:
        return Standing(is_settled=False, epoch=0, restored_at=None)
    return Standing(row["is_settled"], row["epoch"], row["restored_at"])


async def settle(connection: Connection) -> None:
    """Keep that the database was put back, and that what follows from it is done: in the transaction that did it."""
    await connection.execute(_SETTLE)


async def keep_epoch(connection: Connection, epoch: int) -> None:
    """Remember the operator's setting, so that a higher one can be told from it after a restore."""
    await connection.execute(_RAISE, epoch)


async def require_settled(connection: Connection) -> None:
    """Raise DatabaseRestored unless it is settled; for /readyz."""
    if not (await standing(connection)).is_settled:
        raise DatabaseRestored
