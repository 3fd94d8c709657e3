"""First measurement of the relay against the bare drivers: `python -m bench.relay_rounds ENV_FILE` in tests/.

ENV_FILE is the stack.env of running servers. A B A B: the outbox of a new database is filled and emptied in turn by our
relay and by asyncpg + aiokafka's futures + DELETE, without transactions, lease or anything kept. Prints one line a run.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Final
from uuid import uuid4

import asyncpg
import orjson
from aiokafka import AIOKafkaProducer

from hoso_chassis import migrations
from hoso_chassis.database import Database
from hoso_chassis.relay import ROUND_ROWS, Relay
from hoso_stack import stack_env

ROWS: Final = 20_000
PAIRS: Final = 6
KEYS: Final = 2_000
_FILL: Final = """
INSERT INTO outbox (topic, type, key, value, headers)
SELECT CASE WHEN n % 3 = 0 THEN 'dossier.lifecycle.v1' ELSE 'notification.requests.v1' END, 'hoso.bench.v1',
       convert_to(md5((n % $2)::text)::uuid::text, 'UTF8'), convert_to(repeat('x', 600), 'UTF8'),
       jsonb_build_array(
           jsonb_build_array('content-type', 'application/json'), jsonb_build_array('ce_specversion', '1.0'),
           jsonb_build_array('ce_source', '/hoso/bench'), jsonb_build_array('ce_type', 'hoso.bench.v1'),
           jsonb_build_array('ce_dataschema', 'urn:hoso:schema:hoso.bench.v1'),
           jsonb_build_array('ce_id', gen_random_uuid()), jsonb_build_array('ce_subject', md5((n % $2)::text)::uuid),
           jsonb_build_array('ce_time', '2026-11-25T22:01:50.135495Z'),
           jsonb_build_array('ce_partitionkey', md5((n % $2)::text)::uuid),
           jsonb_build_array('ce_correlationid', gen_random_uuid()), jsonb_build_array('ce_sequence', '000000000001'))
FROM generate_series(1, $1::integer) AS n
"""
_OLDEST: Final = "SELECT position, topic, key, value, headers::text AS headers FROM outbox ORDER BY position LIMIT $1"


async def ours(database: Database, kafka: str) -> Callable[[], Awaitable[None]]:
    """Our relay, which leads already."""
    relay = Relay(database, kafka)
    while relay._own_producer() is None or relay._read_back is not None:
        await relay._turn()

    async def drain() -> None:
        while await relay._turn():
            pass

    return drain


async def bare(database: Database, kafka: str) -> Callable[[], Awaitable[None]]:
    """The drivers alone, at their own best settings."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=0, max_batch_size=262_144
    )
    await producer.start()

    async def drain() -> None:
        async with database.connection() as connection:
            while rows := await connection.fetch(_OLDEST, ROUND_ROWS):
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
                await connection.execute(
                    "DELETE FROM outbox WHERE position = ANY($1::bigint[])", [row["position"] for row in rows]
                )

    return drain


async def timed(database: Database, drain: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Rows a second, and CPU milliseconds of this process for 1,000 rows."""
    async with database.connection() as connection:
        await connection.execute(_FILL, ROWS, KEYS)
        await connection.execute("ANALYZE outbox")
    wall, cpu = perf_counter(), process_time()
    await drain()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    return ROWS / wall, cpu * 1e6 / ROWS


async def main(env_file: Path) -> None:
    """Measure pairs and print the median of their ratios."""
    env = stack_env.read(env_file)
    admin, name = await asyncpg.connect(env["POSTGRES_URL"]), f"bench_{uuid4().hex}"
    await admin.execute(f'CREATE DATABASE "{name}"')
    database = Database(env["POSTGRES_URL"].rpartition("/")[0] + f"/{name}", "/hoso/bench")
    await database.open()
    async with database.connection() as connection:
        await migrations.migrate(connection, ["hoso_chassis.sql"])
    kafka = env["KAFKA_BOOTSTRAP_SERVERS"]
    drains = [await ours(database, kafka), await bare(database, kafka)]
    ratios: list[float] = []
    for _ in range(PAIRS):
        (rate, cpu), (limit, limit_cpu) = [await timed(database, drain) for drain in drains]
        ratios.append(rate / limit)
        sys.stdout.write(f"ours {rate:7.0f}/s {cpu:5.1f} ms/1000   bare {limit:7.0f}/s {limit_cpu:5.1f} ms/1000\n")
    sys.stdout.write(f"ratio {median(ratios[1:]):.2f} ({min(ratios[1:]):.2f} to {max(ratios[1:]):.2f})\n")
    await database.close()
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
