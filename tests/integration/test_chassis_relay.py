"""The relay against a real broker: everything once in order, also when its leader is stopped and wakes up."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ProducerFenced

from hoso_chassis.database import Database
from hoso_chassis.lease import Lease
from hoso_chassis.metrics import OUTBOX_AGE, OUTBOX_ROWS
from hoso_chassis.relay import Relay, TopicNotWritable
from hoso_contracts.envelope import CloudEvent, decode
from support.counting import refused
from support.waiting import until_async

TOPIC = "dossier.lifecycle.v1"


@dataclass
class Reader:
    """Reads the topic from a remembered end, committed records only."""

    consumer: AIOKafkaConsumer
    events: list[CloudEvent]

    async def of(self, subjects: set[UUID]) -> list[CloudEvent]:
        """What has been read so far of these dossiers, in the order of the log."""
        for records in (await self.consumer.getmany(timeout_ms=50)).values():
            self.events += [decode(one.key, one.value, one.headers) for one in records]
        return [event for event in self.events if UUID(event.subject) in subjects]


@pytest.fixture
async def reader(kafka: str) -> AsyncGenerator[Reader]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    await consumer.start()
    partitions = [TopicPartition(TOPIC, number) for number in range(12)]
    consumer.assign(partitions)
    await consumer.seek_to_end()
    for partition in partitions:
        await consumer.position(partition)
    yield Reader(consumer, [])
    await consumer.stop()


async def announce(database: Database, subjects: list[UUID], times: int = 1) -> None:
    async with database.transaction() as tx:
        for _ in range(times):
            for subject in subjects:
                tx.announce(refused(subject))


async def backlog(database: Database) -> int:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM outbox")


async def test_rows_leave_in_order_and_are_deleted(database: Database, kafka: str, reader: Reader) -> None:
    subjects = [uuid4() for _ in range(20)]
    await announce(database, subjects, times=100)
    relay = Relay(database, kafka)
    running = asyncio.create_task(relay.run())
    await until_async(lambda: backlog(database), within=20, is_=0)
    relay.stop()
    await running

    events = await until_async(lambda: reader.of(set(subjects)), within=20, is_=lambda found: len(found) >= 2_000)
    assert len(events) == 2_000
    for subject in subjects:
        sequences = [event.sequence for event in events if event.subject == str(subject)]
        assert sequences == list(range(1, 101))


async def test_two_relays_send_everything_once(database: Database, kafka: str, reader: Reader) -> None:
    subjects = [uuid4() for _ in range(10)]
    relays = [Relay(database, kafka) for _ in range(2)]
    running = [asyncio.create_task(relay.run()) for relay in relays]
    for _ in range(20):
        await announce(database, subjects, times=5)
    await until_async(lambda: backlog(database), within=20, is_=0)
    for relay in relays:
        relay.stop()
    await asyncio.gather(*running)

    events = await until_async(lambda: reader.of(set(subjects)), within=20, is_=lambda found: len(found) >= 1_000)
    assert len({event.id for event in events}) == len(events) == 1_000


async def test_a_leader_that_slept_too_long_adds_nothing(database: Database, kafka: str, reader: Reader) -> None:
    subject = uuid4()
    old, new = Relay(database, kafka), Relay(database, kafka)
    await announce(database, [subject])
    async with database.connection() as connection:
        assert await old.lease.hold(connection)
        rows = await connection.fetch("SELECT position, topic, type, key, value, headers::text AS headers FROM outbox")
    await old._send(rows)  # it falls asleep before it deletes
    async with database.connection() as connection:
        await connection.execute("UPDATE leases SET expires_at = now() - interval '1 second'")
    running = asyncio.create_task(new.run())
    await until_async(lambda: backlog(database), within=20, is_=0)
    await announce(database, [subject])
    await until_async(lambda: backlog(database), within=20, is_=0)

    with pytest.raises(ProducerFenced):
        await old._send(rows)
    await old._close_producer()
    new.stop()
    await running
    events = await until_async(lambda: reader.of({subject}), within=20, is_=lambda found: len(found) >= 3)
    assert [event.sequence for event in events] == [1, 1, 2]


async def test_a_lease_that_ran_out_changes_hands_with_a_higher_fence(database: Database) -> None:
    first, second = Lease("relay"), Lease("relay")
    async with database.connection() as connection:
        assert await first.hold(connection)
        assert not await second.hold(connection)
        await connection.execute("UPDATE leases SET expires_at = now() - interval '1 second'")
        assert await second.hold(connection)
        assert second.fence > first.fence
        assert not await first.hold(connection)


async def test_a_topic_that_cannot_be_written_does_not_stop_the_others(
    database: Database, kafka: str, reader: Reader
) -> None:
    subject = uuid4()
    await announce(database, [subject])
    async with database.connection() as connection:
        await connection.execute(
            "INSERT INTO outbox (topic, type, key, value, headers) "
            "SELECT 'nobody.made-this.v1', type, key, value, headers FROM outbox"
        )
    await announce(database, [subject])
    relay = Relay(database, kafka)
    async with database.connection() as connection:
        assert await relay.lease.hold(connection)
    with pytest.raises(TopicNotWritable):
        await relay._round()
    running = asyncio.create_task(relay.run())
    await until_async(lambda: backlog(database), within=30, is_=1)
    relay.stop()
    await running

    events = await until_async(lambda: reader.of({subject}), within=20, is_=lambda found: len(found) >= 2)
    assert [event.sequence for event in events] == [1, 2]


async def test_age_and_length_of_the_outbox_are_measured(database: Database) -> None:
    await announce(database, [uuid4(), uuid4()])
    await Relay(database, "127.0.0.1:1").measure()

    assert OUTBOX_ROWS.values[()] == 2
    assert OUTBOX_AGE.values[()] >= 0
