"""Bare asyncpg and aiokafka: the oldest thousand rows, all futures gathered, one DELETE, until none is left."""

import asyncio
import os

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from bench.stopwatch import Stopwatch

OLDEST = "SELECT position, topic, key, value, headers::text FROM outbox ORDER BY position LIMIT 1000"


async def main() -> None:
    """Send until nothing is left."""
    watch, sent = Stopwatch(), 0
    database = await asyncpg.connect(os.environ["BENCH_DATABASE_URL"])
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=262_144,
    )
    await producer.start()
    watch.begin()
    while rows := await database.fetch(OLDEST):
        futures = [
            await producer.send(
                row["topic"],
                row["value"],
                key=row["key"],
                headers=[(name, value.encode()) for name, value in orjson.loads(row["headers"])],
            )
            for row in rows
        ]
        await asyncio.gather(*futures)
        await database.execute(
            "DELETE FROM outbox WHERE position = ANY($1::bigint[])", [row["position"] for row in rows]
        )
        sent += len(rows)
    watch.end(sent)
    await producer.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main())
