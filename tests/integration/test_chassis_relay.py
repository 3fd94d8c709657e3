"""The relay against a real broker: everything once in order, also when its leader is stopped and wakes up."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import ProducerFenced
from structlog.testing import capture_logs

from hoso_chassis import sending
from hoso_chassis.database import Database
from hoso_chassis.lease import Lease, LeaseLost
from hoso_chassis.metrics import OUTBOX_AGE, OUTBOX_ROWS
from hoso_chassis.postgres import Row
from hoso_chassis.relay import Relay
from hoso_chassis.sending import TopicNotWritable
from hoso_contracts.envelope import CloudEvent, decode
from hoso_contracts.topics import TOPICS
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


@pytest.fixture(autouse=True)
async def _nothing_to_read_back(database: Database, reader: Reader) -> None:
    """The log has what other tests left: this database has nothing to do with it."""
    ours = [name for name, topic in TOPICS.items() if "dossier" in topic.producers]
    ends = await reader.consumer.end_offsets([TopicPartition(name, number) for name in ours for number in range(12)])
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO relayed (topic, partition, next_offset) VALUES ($1, $2, $3)",
            [(one.topic, one.partition, end) for one, end in ends.items()],
        )


async def announce(database: Database, subjects: list[UUID], times: int = 1) -> None:
    async with database.transaction() as tx:
        for _ in range(times):
            for subject in subjects:
                tx.announce(refused(subject))


async def led(relay: Relay) -> Sequence[Row]:
    """Take the lead with what belongs to it, and return the oldest rows."""
    await relay._lead()
    while relay._read_back is not None:
        await relay._compared(relay._read_back)
    async with relay.database.connection() as connection:
        return await relay._oldest(connection)


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
    rows = await led(old)
    await old._send(rows)  # it falls asleep before it deletes
    async with database.connection() as connection:
        await connection.execute("UPDATE leases SET expires_at = now() - interval '1 second'")
    running = asyncio.create_task(new.run())
    await until_async(lambda: backlog(database), within=20, is_=0)
    await announce(database, [subject])
    await until_async(lambda: backlog(database), within=20, is_=0)

    with pytest.raises(ProducerFenced):
        await old._send(rows)
    await old._close()
    new.stop()
    await running
    events = await until_async(lambda: reader.of({subject}), within=20, is_=lambda found: len(found) >= 2)
    assert [event.sequence for event in events] == [1, 2]


class Sleepy(Relay):
    """Falls asleep when it has the lease and before it has a producer."""

    __slots__ = ("asleep", "awake")

    async def _lead(self) -> None:
        self.asleep.set()
        await self.awake.wait()
        await Relay._lead(self)


async def test_a_leader_that_slept_before_it_had_a_producer_sends_nothing_again(
    database: Database, kafka: str, reader: Reader
) -> None:
    subject = uuid4()
    old, new = Sleepy(database, kafka), Relay(database, kafka)
    old.asleep, old.awake = asyncio.Event(), asyncio.Event()
    await announce(database, [subject])
    async with database.connection() as connection:
        assert await old.lease.hold(connection)
    sleeping = asyncio.create_task(old._round())
    await old.asleep.wait()
    async with database.connection() as connection:
        await connection.execute("UPDATE leases SET expires_at = now() - interval '1 second'")
    running = asyncio.create_task(new.run())
    await until_async(lambda: backlog(database), within=20, is_=0)

    with capture_logs() as said:
        old.awake.set()
        with pytest.raises(LeaseLost):
            await sleeping
    assert "relay-leads" not in [line["event"] for line in said]
    await old._close()
    await announce(database, [subject])
    await until_async(lambda: backlog(database), within=20, is_=0)
    new.stop()
    await running
    events = await until_async(lambda: reader.of({subject}), within=20, is_=lambda found: len(found) >= 2)
    assert [event.sequence for event in events] == [1, 2]


async def test_rows_read_under_a_lease_that_has_changed_hands_are_not_sent(database: Database, kafka: str) -> None:
    old, new = Relay(database, kafka), Relay(database, kafka)
    await announce(database, [uuid4()])
    async with database.connection() as connection:
        assert await old.lease.hold(connection)
    rows = await led(old)
    async with database.connection() as connection:
        await connection.execute("UPDATE leases SET expires_at = now() - interval '1 second'")
        assert await new.lease.hold(connection)
    await led(new)
    async with database.connection() as connection:
        assert not await old.lease.hold(connection)  # as is found out beside a round
    with pytest.raises(LeaseLost):
        await old._send(rows)
    await new._send(rows)  # nobody has shut it out
    await old._close()
    await new._close()


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
    await led(relay)
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


async def test_a_row_that_the_broker_refuses_does_not_stop_the_other_topics(database: Database, kafka: str) -> None:
    narrow = f"test.narrow-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(narrow, 1, 1, topic_configs={"max.message.bytes": "300"})])
    await admin.close()
    await announce(database, [uuid4()])
    async with database.connection() as connection:
        await connection.execute("UPDATE outbox SET topic = $1", narrow)
    await announce(database, [uuid4()])
    relay = Relay(database, kafka)
    running = asyncio.create_task(relay.run())
    await until_async(lambda: backlog(database), within=20, is_=1)
    relay.stop()
    await running
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT topic FROM outbox") == narrow


async def test_rounds_longer_than_the_lease_do_not_let_two_relays_shut_each_other_out(
    database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = AIOKafkaProducer.commit_transaction

    async def slow(producer: AIOKafkaProducer) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2)
        await commit(producer)

    monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", slow)
    await announce(database, [uuid4() for _ in range(5)])
    relays = [Relay(database, kafka, lease=Lease("relay", timedelta(seconds=0.6))) for _ in range(2)]
    running = [asyncio.create_task(relay.run()) for relay in relays]
    await until_async(lambda: backlog(database), within=15, is_=0)
    for relay in relays:
        relay.stop()
    await asyncio.gather(*running)


async def test_a_broker_that_answers_nothing_holds_a_round_no_longer_than_its_time(
    database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(producer: Any) -> None:
        producer._closed = True  # as the first thing that `stop` does
        await asyncio.Event().wait()

    async def unanswered(*_: object, **__: object) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1

    async def turned() -> bool:
        return turns > 3

    def left() -> int:
        return sum("Sender._sender_routine" in repr(task) for task in asyncio.all_tasks())

    await announce(database, [uuid4()])
    relay = Relay(database, kafka, turn)
    with monkeypatch.context() as frozen:
        frozen.setattr(sending, "ROUND_SECONDS", 1.0)
        frozen.setattr(sending, "CLOSE_SECONDS", 0.2)
        frozen.setattr(AIOKafkaProducer, "send_batch", unanswered)
        frozen.setattr(AIOKafkaProducer, "abort_transaction", asyncio.Event().wait)
        frozen.setattr(AIOKafkaProducer, "stop", never)
        running = asyncio.create_task(relay.run())
        await until_async(turned, within=20)
    await until_async(lambda: backlog(database), within=20, is_=0)
    assert left() == 1  # those of the rounds that failed are gone
    relay.stop()
    await running
    assert left() == 0
