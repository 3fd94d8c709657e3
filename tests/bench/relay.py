"""Outbox rows acknowledged by Kafka and deleted, in the order of each key, which every run checks.

Ours is the chassis' Relay: a lease, a Kafka transaction a round, the read-back's offsets kept, headers from JSON. The
limit (limits/relay.py) is bare asyncpg and aiokafka: the oldest thousand rows, all futures gathered, one DELETE; no
lease, no transaction, no memory of what was sent. Both work on the same rows, on the same tables. What would make the
ratio drop: a statement more for each round, a future or a metric for each row.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.measured import Bench, Run, alternate
from bench.places import Place, child, database, place
from bench.stopwatch import Stopwatch
from hoso_chassis.acknowledged import Partition
from hoso_chassis.database import Database
from hoso_chassis.postgres import Row
from hoso_chassis.relay import Relay
from hoso_contracts.dossier import AttachmentCheckRequested
from hoso_contracts.storage import AttachmentStored

TOPIC: Final = AttachmentCheckRequested.topic
OTHER_TOPIC: Final = AttachmentStored.topic  # another service's: the relay would else read back what the limit has sent
ROWS: Final = int(os.environ.get("HOSO_BENCH_RECORDS", "60000"))
FILL: Final = """
INSERT INTO outbox (topic, type, key, value, headers)
SELECT $1, $2, convert_to(md5((n % 5000)::text)::uuid::text, 'UTF8'),
       convert_to(jsonb_build_object('attachments', '[]'::jsonb, 'n', n, 'filling', repeat('x', 300))::text, 'UTF8'),
       jsonb_build_array(
           jsonb_build_array('ce_specversion', '1.0'), jsonb_build_array('ce_id', gen_random_uuid()::text),
           jsonb_build_array('ce_source', '/hoso/dossier'), jsonb_build_array('ce_type', $2::text),
           jsonb_build_array('ce_time', '2026-11-24T02:15:00Z'),
           jsonb_build_array('ce_subject', gen_random_uuid()::text),
           jsonb_build_array('content-type', 'application/json'))
FROM generate_series(1, $3::bigint) AS n
"""


class Watched(Relay):
    """A relay with a stopwatch around its rounds: from the first row that it sends to the look that finds none."""

    __slots__ = ("moved", "watch")

    async def _send(self, rows: Sequence[Row]) -> dict[Partition, int]:
        self.watch.begin()
        return await super()._send(rows)

    async def _round(self) -> int:
        moved = await super()._round()
        if self.watch.has_begun and not moved:
            self.watch.end(self.moved)
            self.stop()
        self.moved += moved if self.watch.has_begun else 0
        return moved


async def relay() -> None:
    """The measured child: empties the outbox once."""
    database = Database(os.environ["BENCH_DATABASE_URL"], "/hoso/dossier", size=4)
    await database.open()
    relay = Watched(database, os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    relay.watch, relay.moved = Stopwatch(), 0
    await relay.run()
    await database.close()


async def main() -> None:
    """Measure."""
    bench = Bench(
        "relay",
        "rows/s",
        "bare asyncpg and aiokafka: the oldest 1,000 rows, all futures gathered, one DELETE",
        0.60,
        0.90,
        conditions=f"{ROWS} rows of 0.5 KB under 5,000 keys to 12 partitions of one broker",
    )
    with place() as servers:
        async with database(servers) as url:
            await alternate(
                bench,
                partial(_run, servers, url, "bench.relay", TOPIC),
                partial(_run, servers, url, "bench.limits.relay", OTHER_TOPIC),
            )


async def _run(servers: Place, url: str, module: str, topic: str) -> Run:
    connection = await asyncpg.connect(url)
    await connection.execute(FILL, topic, AttachmentCheckRequested.type, ROWS)
    await connection.execute("VACUUM (ANALYZE) outbox")
    await connection.close()
    begins = await _ends(servers, topic)
    run = await child(servers, module, BENCH_DATABASE_URL=url)
    await _check(servers, begins)
    return run


async def _ends(servers: Place, topic: str) -> dict[TopicPartition, int]:
    async with _consumer(servers) as consumer:
        return await consumer.end_offsets([TopicPartition(topic, number) for number in range(12)])


async def _check(servers: Place, begins: Mapping[TopicPartition, int]) -> None:
    """Every row is there once, and those of one key in their order."""
    found: defaultdict[bytes, list[int]] = defaultdict(list)
    async with _consumer(servers) as consumer:
        ends = await consumer.end_offsets(list(begins))
        consumer.assign(list(begins))
        for partition, offset in begins.items():
            consumer.seek(partition, offset)
        left = dict(ends)
        while left := {one: end for one, end in left.items() if await consumer.position(one) < end}:
            for records in (await consumer.getmany(timeout_ms=200, max_records=5_000)).values():
                for record in records:
                    found[record.key or b""].append(orjson.loads(record.value or b"")["n"])
    assert sum(map(len, found.values())) == ROWS, "rows were lost or doubled"
    assert all(numbers == sorted(numbers) for numbers in found.values()), "a key's rows are out of order"


@asynccontextmanager
async def _consumer(servers: Place) -> AsyncGenerator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers.env["KAFKA_BOOTSTRAP_SERVERS"], isolation_level="read_committed"
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(relay())
