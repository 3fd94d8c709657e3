"""Counts failures that look like our own, in a row and over restarts; a good record begins the count anew."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from hoso_chassis.dead_letters import DeadLetter
from hoso_chassis.policy import Halt
from hoso_chassis.postgres import Connection

LIMIT: Final = 10  # faults in a row that mean "it is us, not the data"

_SAVE = """
INSERT INTO consumer_faults (consumer_group, in_a_row) VALUES ($1, $2)
ON CONFLICT (consumer_group) DO UPDATE SET in_a_row = EXCLUDED.in_a_row
"""


async def in_a_row(connection: Connection, group: str) -> int:
    """How many faults the group has met in a row."""
    query = "SELECT in_a_row FROM consumer_faults WHERE consumer_group = $1"
    return await connection.fetchval(query, group) or 0


@dataclass(slots=True)
class FaultCount:
    """The count of one group while a batch is run."""

    group: str
    stored: int = 0
    in_a_row: int = 0

    async def load(self, connection: Connection) -> None:
        """Begin with what is stored."""
        self.stored = self.in_a_row = await in_a_row(connection, self.group)

    def after(self, letter: DeadLetter | None) -> None:
        """Count one record's end: bad data counts neither way.

        Raises:
            Halt: the limit is reached; nothing of the batch is kept.
        """
        if letter is None:
            self.in_a_row = 0
        elif letter.is_fault:
            self.in_a_row += 1
            if self.in_a_row >= LIMIT:
                raise Halt(
                    f"{self.group}: {self.in_a_row} records in a row failed by a fault of the service, the last one "
                    f"of type {letter.type} ({letter.detail}); fix the service, then start it again"
                )

    async def save(self, connection: Connection) -> None:
        """Write the count if it moved."""
        if self.in_a_row != self.stored:
            await connection.execute(_SAVE, self.group, self.in_a_row)


@asynccontextmanager
async def counted(connection: Connection, group: str) -> AsyncGenerator[FaultCount]:
    """A count that outlives the batch's transaction when it ends in a halt."""
    count = FaultCount(group)
    try:
        yield count
    except Halt:
        await connection.execute(_SAVE, group, count.in_a_row)
        raise
