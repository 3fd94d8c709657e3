"""Reads every record of every topic beside the services and remembers where it lies; it survives the broker's death."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from hoso_contracts.envelope import CloudEvent, decode
from hoso_stack.story import at_the_ends

Place = tuple[str, int]  # topic, partition


@dataclass(frozen=True, slots=True)
class Heard:
    """A record as it was read."""

    topic: str
    event: CloudEvent


@dataclass(slots=True)
class RecordLog:
    """What was read so far.

    Attributes:
        last: the offset last read of each partition.
    """

    consumer: AIOKafkaConsumer
    last: dict[Place, int] = field(default_factory=dict[Place, int])
    _of: dict[str, list[Heard]] = field(default_factory=dict[str, list[Heard]])

    def of(self, dossier_id: str) -> list[Heard]:
        """Every record about a dossier; those of one topic in the order of the log, also those that came twice."""
        return self._of.get(dossier_id, [])

    def settled(self, dossier_id: str) -> int:
        """How many of its notifications have ended, well or not."""
        ends = ("hoso.notification.delivered.v1", "hoso.notification.failed.v1")
        return len({heard.event.id for heard in self.of(dossier_id) if heard.event.type in ends})

    async def read(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                found = await self.consumer.getmany(timeout_ms=100)
            except KafkaError:
                await asyncio.sleep(0.2)  # it is away: the next look is the retry
                continue
            for place, records in found.items():
                for record in records:
                    event = decode(record.key, record.value, record.headers)
                    self._of.setdefault(str(event.partitionkey), []).append(Heard(record.topic, event))
                    self.last[place.topic, place.partition] = record.offset


@asynccontextmanager
async def record_log(bootstrap_servers: str) -> AsyncGenerator[RecordLog]:
    """Listen to all topics from now on."""
    async with at_the_ends(bootstrap_servers) as consumer:
        log = RecordLog(consumer)
        task = asyncio.create_task(log.read())
        try:
            yield log
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
