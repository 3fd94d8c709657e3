"""Replicas of the relay as processes: one leads, another takes over in seconds, and who wakes up late sends nothing."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from hoso_chassis.database import Database
from hoso_chassis.relay import _OLDEST, Relay
from hoso_contracts.envelope import decode
from hoso_contracts.topics import TOPICS
from support.counting import refused
from support.form import sized
from support.waiting import until_async

TOPIC = "dossier.lifecycle.v1"
TAKEOVER_SECONDS = 8.0  # a lease of 5, a look every 0.5, the rest for two shared cores
_PROCESS = """
import asyncio, sys
from hoso_chassis.database import Database
from hoso_chassis.relay import Relay

async def main():
    database = Database(sys.argv[1], "/hoso/dossier")
    await database.open()
    relay = Relay(database, sys.argv[2])
    print(relay.lease.holder, flush=True)
    await relay.run()

asyncio.run(main())
"""
pytestmark = pytest.mark.timeout(sized(120, 1800))


@pytest.fixture
async def consumer(database: Database, kafka: str) -> AsyncGenerator[AIOKafkaConsumer]:
    """Reads from now on; the database knows that what was there before is not its own."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    await consumer.start()
    partitions = [TopicPartition(TOPIC, number) for number in range(12)]
    consumer.assign(partitions)
    ours = [name for name, topic in TOPICS.items() if "dossier" in topic.producers]
    ends = await consumer.end_offsets([TopicPartition(name, number) for name in ours for number in range(12)])
    for one in partitions:
        consumer.seek(one, ends[one])
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO relayed (topic, partition, next_offset) VALUES ($1, $2, $3)",
            [(one.topic, one.partition, end) for one, end in ends.items()],
        )
    yield consumer
    await consumer.stop()


@asynccontextmanager
async def replicas(database: Database, kafka: str, number: int) -> AsyncGenerator[dict[UUID, Process]]:
    """So many relays, by the name under which each holds the lease."""
    arguments = (sys.executable, "-c", _PROCESS, database.url, kafka)
    processes = [await asyncio.create_subprocess_exec(*arguments, stdout=PIPE, stderr=PIPE) for _ in range(number)]
    try:
        holders = [UUID((await process.stdout.readline()).decode().strip()) for process in processes if process.stdout]
        yield dict(zip(holders, processes, strict=True))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.communicate() for process in processes))


async def backlog(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox")


async def announce(database: Database, subjects: list[UUID]) -> None:
    async with database.transaction() as tx:
        for subject in subjects:
            tx.announce(refused(subject))


async def holder(database: Database) -> UUID:
    """Who leads."""
    async with database.connection() as connection:
        return await connection.fetchval("SELECT holder FROM leases WHERE name = 'relay'")


async def read_all(consumer: AIOKafkaConsumer, subjects: set[UUID], number: int) -> dict[UUID, list[int | None]]:
    """The sequences of each subject, in the order of the log, once so many records were read; and nothing after."""
    found: dict[UUID, list[int | None]] = defaultdict(list)

    async def count() -> int:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for one in records:
                event = decode(one.key, one.value, one.headers)
                if UUID(event.subject) in subjects:
                    found[UUID(event.subject)].append(event.sequence)
        return sum(map(len, found.values()))

    await until_async(count, within=30, is_=lambda seen: seen >= number)
    await count()
    return found


async def test_another_takes_over_from_a_killed_and_from_a_stopped_leader(
    database: Database, kafka: str, consumer: AIOKafkaConsumer
) -> None:
    subjects = [uuid4() for _ in range(20)]
    rounds = 0
    seconds: dict[str, float] = {}
    async with replicas(database, kafka, 3) as processes:
        await announce(database, subjects)
        await until_async(lambda: backlog(database), within=30, is_=0)
        for how in ("kill", "stop"):
            led = processes[await holder(database)].pid
            await announce(database, subjects)
            os.kill(led, signal.SIGKILL if how == "kill" else signal.SIGSTOP)
            began = monotonic()
            await announce(database, subjects)
            await until_async(lambda: backlog(database), within=30, is_=0)
            seconds[how] = monotonic() - began
            rounds += 2
            if how == "stop":
                os.kill(led, signal.SIGCONT)
        await announce(database, subjects)
        await until_async(lambda: backlog(database), within=30, is_=0)
        rounds += 2
        found = await read_all(consumer, set(subjects), rounds * len(subjects))
    assert set(map(tuple, found.values())) == {tuple(range(1, rounds + 1))}
    print(f"takeover after kill {seconds['kill']:.1f} s, after stop {seconds['stop']:.1f} s")  # noqa: T201
    assert max(seconds.values()) < TAKEOVER_SECONDS


async def test_a_row_that_commits_late_goes_before_those_of_its_key_that_follow(
    database: Database, kafka: str, consumer: AIOKafkaConsumer
) -> None:
    late, others = uuid4(), [uuid4() for _ in range(50)]
    relay = Relay(database, kafka)
    running = asyncio.create_task(relay.run())
    async with database.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        tx = database.on(connection)
        tx.announce(refused(late))
        await tx.flush()
        for _ in range(5):
            await announce(database, others)
            await until_async(lambda: backlog(database), within=20, is_=0)
        assert relay._floor.position < await connection.fetchval("SELECT min(position) FROM outbox")
        following = asyncio.create_task(announce(database, [late]))  # waits for the stream
        await transaction.commit()
        await following
    await until_async(lambda: backlog(database), within=20, is_=0)
    for _ in range(3):
        await announce(database, others)
        await until_async(lambda: backlog(database), within=20, is_=0)
    assert relay._floor.position > 0
    relay.stop()
    await running
    assert (await read_all(consumer, {late}, 2))[late] == [1, 2]


async def test_a_round_costs_the_same_whatever_was_sent_while_an_old_snapshot_is_open(
    database: Database,
    kafka: str,
    consumer: AIOKafkaConsumer,  # noqa: ARG001 - so that there is nothing to read back
) -> None:
    subjects = [uuid4() for _ in range(100)]
    old = await asyncpg.connect(database.url)
    snapshot = old.transaction(isolation="repeatable_read", readonly=True)
    await snapshot.start()
    await old.fetchval("SELECT count(*) FROM outbox")
    relay = Relay(database, kafka)
    running = asyncio.create_task(relay.run())
    for _ in range(sized(50, 1000)):
        await announce(database, subjects)
    await until_async(lambda: backlog(database), within=sized(30, 600), is_=0)
    for _ in range(2):  # the floor follows one look behind
        await announce(database, subjects)
        await until_async(lambda: backlog(database), within=20, is_=0)
    floor = relay._floor.position
    relay.stop()
    await running
    costs: list[int] = []
    for above in (0, floor):
        async with database.connection() as connection:
            plan = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT TEXT) {_OLDEST}", [], 1000, above)
        text = " ".join(row[0] for row in plan)
        costs.append(sum(int(word.partition("=")[2]) for word in text.split() if word.startswith("hit=")))
    await snapshot.rollback()
    await old.close()
    assert costs[0] > 10 * costs[1], costs
