"""Raw records to committed state, inbox, outbox and position, in batches of 500 and of 2,000.

Ours is the chassis' Consumer with Batches and the counting service of the tests, which announces one event for each
record. The limit (limits/consume.py) is bare aiokafka, orjson and the same set-based SQL in one transaction a batch;
it validates nothing, knows no dead letters and tells Kafka no offsets. Both read the same records from the same
topic, each into a fresh database. What would make the ratio drop: a statement more for each batch, a model more for
each record.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aiokafka import AIOKafkaProducer

from bench.measured import Bench, Run, alternate, tell
from bench.places import Place, child, database, place
from bench.stopwatch import Stopwatch
from hoso_chassis.batch import Batches
from hoso_chassis.consequences import Consequence
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.positions import Partition
from hoso_chassis.records import Record
from hoso_contracts.dossier import AttachmentCheckRequested
from hoso_contracts.envelope import encode
from hoso_contracts.identity import IdentityVerified
from support.counting import TABLE, Count, Counting, CountStore, envelope, verified

TOPIC: Final = IdentityVerified.topic
RECORDS: Final = int(os.environ.get("HOSO_BENCH_RECORDS", "60000"))
DOSSIERS: Final = 20_000


@dataclass(slots=True)
class Watched(Batches[Count]):
    """Batches with a stopwatch around them."""

    watch: Stopwatch = field(default_factory=Stopwatch)
    taken: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, records: Sequence[Record], expected: Mapping[Partition, int]) -> dict[Partition, int]:
        """Take, and count."""
        self.watch.begin()
        following = await Batches[Count].take(self, records, expected)
        self.taken += len(records)
        if self.taken >= RECORDS:
            self.watch.end(self.taken)
            self.done.set()
        return following


def announce(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    """One row for the outbox."""
    yield AttachmentCheckRequested(dossier_id=event.dossier_id, attachments=(), requested_at=event.verified_at)


async def consume(size: int) -> None:
    """The measured child: from joining the group to the last commit."""
    database = Database(os.environ["BENCH_DATABASE_URL"], "/hoso/dossier", size=4)
    await database.open()
    batches = Watched(database, os.environ["BENCH_GROUP"], Counting(announce).inbound, CountStore())
    consumer = Consumer(batches, os.environ["KAFKA_BOOTSTRAP_SERVERS"], max_records=size)
    while not await consumer.try_start():
        pass
    await asyncio.wait({asyncio.create_task(batches.done.wait()), consumer.halted}, return_when=asyncio.FIRST_COMPLETED)
    await consumer.stop()
    await database.close()


async def fill(servers: Place, count: int) -> None:
    """Write so many records to the topic, about the same dossiers again and again."""
    tell(f"writing {count} records")
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.env["KAFKA_BOOTSTRAP_SERVERS"], linger_ms=5, max_batch_size=262_144
    )
    await producer.start()
    events = [verified() for _ in range(DOSSIERS)]
    for begin in range(0, count, 5_000):
        records = [encode(envelope(events[n % DOSSIERS])) for n in range(begin, min(count, begin + 5_000))]
        await asyncio.gather(
            *[await producer.send(TOPIC, one.value, key=one.key, headers=one.headers) for one in records]
        )
    await producer.stop()


async def _run(servers: Place, module: str, size: int) -> Run:
    async with database(servers, TABLE) as url:
        group = f"bench.{url.rpartition('_')[2]}"
        return await child(servers, module, str(size), BENCH_DATABASE_URL=url, BENCH_GROUP=group)


async def main() -> None:
    """Measure both sizes."""
    with place() as servers:
        await fill(servers, RECORDS)
        for size in (500, 2_000):
            bench = Bench(
                f"consume-{size}",
                "records/s",
                "bare aiokafka, orjson and the same set-based SQL in one transaction a batch",
                0.50,
                0.80,
                conditions=f"{RECORDS} records of 0.5 KB in 12 partitions, one broker, batches of at most {size}",
            )
            await alternate(
                bench,
                partial(_run, servers, "bench.consume", size),
                partial(_run, servers, "bench.limits.consume", size),
            )


if __name__ == "__main__":
    asyncio.run(consume(int(sys.argv[1])))
