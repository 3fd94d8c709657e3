"""Counts failures that look like our own, in a row, of one process, and over restarts; a good record begins it anew.

A process counts over all partitions that it reads, in the order in which it takes their records. What it has counted is
kept by partition, so that it goes on after a restart and with whoever takes a partition over: the good records of one
replica say nothing of another, which may run another release.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from hoso_chassis.dead_letters import DeadLetter
from hoso_chassis.policy import Halt
from hoso_chassis.positions import Partition
from hoso_chassis.postgres import Connection

LIMIT: Final = 10  # faults in a row that mean "it is us, not the data"

_LOAD = "SELECT topic, partition, in_a_row FROM partition_faults WHERE consumer_group = $1 AND in_a_row > 0"
_SAVE = """
INSERT INTO partition_faults (consumer_group, topic, partition, in_a_row)
SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::integer[])
ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET in_a_row = EXCLUDED.in_a_row
"""


async def in_a_row(connection: Connection, group: str, owned: Collection[Partition]) -> int:
    """How many faults the readers of these partitions have met since their last good records."""
    return len(await _load(connection, group, owned))


async def _load(connection: Connection, group: str, owned: Collection[Partition]) -> tuple[Partition, ...]:
    rows = await connection.fetch(_LOAD, group)
    ours = ((row["topic"], row["partition"], row["in_a_row"]) for row in rows)
    return tuple((topic, number) for topic, number, count in ours if (topic, number) in owned for _ in range(count))


@dataclass(slots=True)
class FaultCount:
    """The count of one reader while a batch is run.

    Attributes:
        owned: the partitions that it reads, also those without a record in this batch.
        in_a_row: of each fault since the last good record the partition; set back when a record is taken apart.
    """

    group: str
    owned: Collection[Partition] = ()
    in_a_row: tuple[Partition, ...] = ()
    _stored: tuple[Partition, ...] = ()

    async def load(self, connection: Connection) -> None:
        """Begin with what is stored."""
        self._stored = self.in_a_row = await _load(connection, self.group, self.owned)

    def after(self, letter: DeadLetter | None) -> None:
        """Count one record's end: bad data counts neither way.

        Raises:
            Halt: the limit is reached; nothing of the batch is kept.
        """
        if letter is None:
            self.in_a_row = ()
        elif letter.is_fault:
            self.in_a_row = (*self.in_a_row, (letter.record.topic, letter.record.partition))
            if len(self.in_a_row) >= LIMIT:
                raise Halt(
                    f"{self.group}: {len(self.in_a_row)} records in a row failed by a fault of the service, the last "
                    f"one of type {letter.type} ({letter.detail}); fix the service, then start it again"
                )

    async def save(self, connection: Connection) -> None:
        """Write what moved."""
        before, now = Counter(self._stored), Counter(self.in_a_row)
        moved = sorted(one for one in before | now if before[one] != now[one])
        if moved:
            topics, numbers = [topic for topic, _ in moved], [number for _, number in moved]
            await connection.execute(_SAVE, self.group, topics, numbers, [now[one] for one in moved])


@asynccontextmanager
async def counted(connection: Connection, group: str, owned: Collection[Partition] = ()) -> AsyncGenerator[FaultCount]:
    """A count that outlives the batch's transaction when it ends in a halt."""
    count = FaultCount(group, owned)
    try:
        yield count
    except Halt:
        await count.save(connection)
        raise
