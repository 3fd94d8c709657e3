"""The consumer on a real broker: reads each record once, over restarts, rebalances and a database gone away."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import CorruptRecordException

from hoso_chassis import consumer as consumer_module
from hoso_chassis import faults, inbox
from hoso_chassis.batch import Batches
from hoso_chassis.consequences import Consequence
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.metrics import POSITION_LAG
from hoso_chassis.policy import Halt
from hoso_chassis.postgres import Connection
from hoso_contracts.envelope import CloudEvent, encode
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityVerified
from support.counting import Count, Counting, CountStore, envelope, verified
from support.proxy import Proxy
from support.waiting import until_async

TOPIC = "identity.verifications.v1"


@pytest.fixture
def group() -> str:
    return f"hoso.test-{uuid4().hex}"


@asynccontextmanager
async def consuming(
    database: Database, kafka: str, group: str, counting: Counting | None = None, store: CountStore | None = None
) -> AsyncGenerator[Consumer[Count]]:
    counting = counting or Counting()
    consumer = Consumer(Batches(database, group, counting.inbound, store or CountStore()), kafka)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
        if consumer.halted.done():
            consumer.halted.exception()


async def send(kafka: str, events: Sequence[Event], foreign: Sequence[tuple[str, bytes | None]] = ()) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for event in events:
        encoded = encode(envelope(event))
        await producer.send(TOPIC, encoded.value, key=encoded.key, headers=[*encoded.headers, *foreign])
    await producer.stop()


def seen(database: Database, events: Sequence[IdentityVerified]) -> Callable[[], Awaitable[int]]:
    """How often the dossiers of these events were counted, all together."""
    ids = [event.dossier_id for event in events]

    async def ask() -> int:
        async with database.connection() as connection:
            return await connection.fetchval(
                "SELECT coalesce(sum(seen), 0)::int FROM counts WHERE dossier_id = ANY($1)", ids
            )

    return ask


async def read_up(database: Database, kafka: str, group: str) -> None:
    """Let the group read what earlier tests left in the topic."""
    marker = [verified() for _ in range(60)]
    await send(kafka, marker)
    async with consuming(database, kafka, group):
        await until_async(seen(database, marker), within=30, is_=60)


async def test_a_new_group_reads_from_the_beginning_and_a_restart_goes_on(
    database: Database, kafka: str, group: str
) -> None:
    await read_up(database, kafka, group)
    events = [verified() for _ in range(300)]
    await send(kafka, events)
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=300)
    async with database.connection() as connection:
        await connection.execute("TRUNCATE inbox")  # nothing but the positions may keep it from reading them again
    more = [verified() for _ in range(300)]
    await send(kafka, more)
    async with consuming(database, kafka, group):
        await until_async(seen(database, more), within=30, is_=300)
    assert await seen(database, events)() == 300


async def test_the_position_rows_decide_and_not_kafkas_offsets(database: Database, kafka: str, group: str) -> None:
    await read_up(database, kafka, group)
    async with database.connection() as connection:
        before = await connection.fetch("SELECT * FROM positions")
    events = [verified() for _ in range(60)]
    await send(kafka, events)
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=60)
    async with database.connection() as connection:  # as after a restore of the database
        await connection.execute("TRUNCATE inbox, counts")
        await connection.executemany(
            "UPDATE positions SET next_offset = $4 WHERE topic = $2 AND partition = $3 AND consumer_group = $1",
            [tuple(row) for row in before],
        )
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=60)


async def test_a_partition_that_moved_away_shows_no_lag(database: Database, kafka: str, group: str) -> None:
    events = [verified() for _ in range(20)]
    await send(kafka, events)
    async with consuming(database, kafka, group) as consumer:
        await until_async(seen(database, events), within=30, is_=20)
        assert POSITION_LAG.values
        await consumer.on_partitions_revoked(set())
        assert not POSITION_LAG.values


async def test_a_foreign_header_costs_nothing(database: Database, kafka: str, group: str) -> None:
    events = [verified() for _ in range(20)]
    await send(kafka, events, [("empty", None), ("binary", b"\xff\xfe"), ("reply_to", b"identity.verifications.v1")])
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=20)


async def test_members_that_come_and_go_take_each_record_once(database: Database, kafka: str, group: str) -> None:
    await read_up(database, kafka, group)
    async with database.connection() as connection:
        await connection.execute("DROP TABLE inbox_other")
    events: list[IdentityVerified] = []
    async with consuming(database, kafka, group):
        for _ in range(3):
            async with consuming(database, kafka, group):
                for _ in range(10):
                    some = [verified() for _ in range(50)]
                    events += some
                    await send(kafka, some)
        await until_async(seen(database, events), within=60, is_=len(events))
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_database_that_goes_away_holds_the_consumer_and_loses_nothing(
    database: Database, database_url: str, kafka: str, group: str
) -> None:
    await read_up(database, kafka, group)
    parts = urlsplit(database_url)
    proxy = Proxy(parts.port or 5432)
    await proxy.mend()
    through = Database(
        parts._replace(netloc=parts.netloc.replace(str(parts.port), str(proxy.port))).geturl(), "/hoso/dossier"
    )
    await through.open()
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1

    events = [verified() for _ in range(100)]
    async with consuming(through, kafka, group) as consumer:
        first = [verified() for _ in range(20)]
        await send(kafka, first)
        await until_async(seen(database, first), within=30, is_=20)  # it reads: the next batch meets no database
        consumer.on_turn = turn
        await proxy.cut()
        await send(kafka, events)
        before = turns

        async def polled_on() -> bool:
            return turns > before + 10

        await until_async(polled_on, within=30)
        assert not consumer.halted.done()
        await proxy.mend()
        await until_async(seen(database, events), within=30, is_=100)
    await through.close()
    await proxy.cut()


async def test_a_position_that_is_gone_from_the_log_halts(database: Database, kafka: str, group: str) -> None:
    await read_up(database, kafka, group)
    async with database.connection() as connection:
        await connection.execute("UPDATE positions SET next_offset = 1000000000")
    async with consuming(database, kafka, group) as consumer:
        with pytest.raises(Halt):
            await asyncio.wait_for(asyncio.shield(consumer.halted), 30)


async def test_faults_in_a_row_halt_and_one_record_is_tried_after_the_restart(
    database: Database, kafka: str, group: str
) -> None:
    await read_up(database, kafka, group)
    events = [verified() for _ in range(40)]
    ids = {event.dossier_id for event in events}

    def fail(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        if event.dossier_id in ids:
            raise ZeroDivisionError
        return ()

    await send(kafka, events)
    for _ in range(2):  # the second time it is the probe that fails
        async with consuming(database, kafka, group, Counting(fail)) as consumer:
            with pytest.raises(Halt):
                await asyncio.wait_for(asyncio.shield(consumer.halted), 30)
    dead = "SELECT count(*)::int FROM dead_letters"
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT sum(in_a_row) FROM partition_faults") >= faults.LIMIT
        buried = await connection.fetchval(dead)
    assert buried < faults.LIMIT
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=40 - buried)


@dataclass
class Held(CountStore):
    """Keeps the first batch in hand until it is let go."""

    in_hand: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Count]:
        self.in_hand.set()
        await self.let_go.wait()
        return await super().load(connection, ids)


async def all_new(_connection: Connection, events: Sequence[CloudEvent]) -> list[bool]:
    return [True for _ in events]


async def test_a_batch_in_hand_while_its_partitions_move_is_taken_once(
    database: Database, kafka: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_up(database, kafka, group)
    monkeypatch.setattr(inbox, "add", all_new)  # nothing but the positions may keep it from being taken twice
    store, events = Held(), [verified() for _ in range(500)]
    async with consuming(database, kafka, group, store=store):
        await send(kafka, events)
        await store.in_hand.wait()
        async with consuming(database, kafka, group) as second:  # once the broker has waited long enough for the first

            async def positions_loaded() -> bool:
                return bool(second._expected)

            await until_async(positions_loaded, within=30)
            store.let_go.set()
            await until_async(seen(database, events), within=30, is_=500)
    assert await seen(database, events)() == 500


async def test_partitions_are_let_go_after_the_batch_in_hand(database: Database, kafka: str, group: str) -> None:
    await read_up(database, kafka, group)
    store, event = Held(), verified()
    async with consuming(database, kafka, group, store=store) as consumer:
        await send(kafka, [event])
        await store.in_hand.wait()
        leaving = asyncio.create_task(consumer.on_partitions_revoked(set()))
        await asyncio.wait({leaving}, timeout=0.2)
        assert not leaving.done()
        store.let_go.set()
        await leaving
        assert await seen(database, [event])() == 1


async def test_a_position_reaches_the_end_of_a_log_that_ends_with_markers(
    database: Database, kafka: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_GAP_SECONDS", 0.1)
    await read_up(database, kafka, group)
    events = [verified() for _ in range(60)]
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=group)
    await producer.start()
    for end in (producer.commit_transaction, producer.abort_transaction):  # a relay's good round, and a bad one
        await producer.begin_transaction()
        for encoded in (encode(envelope(event)) for event in events):
            await producer.send_and_wait(TOPIC, encoded.value, key=encoded.key, headers=encoded.headers)
        await end()
    await producer.stop()
    asking = AIOKafkaConsumer(bootstrap_servers=kafka)
    await asking.start()
    ends = await asking.end_offsets([TopicPartition(TOPIC, number) for number in range(12)])
    await asking.stop()

    async def positions() -> dict[int, int]:
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT partition, next_offset FROM positions")
            return {row["partition"]: row["next_offset"] for row in rows}

    async with consuming(database, kafka, group):
        await until_async(positions, within=30, is_={one.partition: offset for one, offset in ends.items()})
    assert await seen(database, events)() == 60


class Stumbling:
    """A client that takes up records and then fails instead of handing them over, as aiokafka does, once."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.getmany = AIOKafkaConsumer.getmany

    async def __call__(self, client: AIOKafkaConsumer, **options: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        taken_up = await self.getmany(client, **options)
        if taken_up and self.error is not None:
            error, self.error = self.error, None
            raise error
        return taken_up


def stumble(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    stumbling = Stumbling(error)

    async def getmany(client: AIOKafkaConsumer, **options: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        return await stumbling(client, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", getmany)


async def test_records_that_a_failed_fetch_took_up_are_read_again(
    database: Database, kafka: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_up(database, kafka, group)
    events = [verified() for _ in range(60)]
    await send(kafka, events)
    stumble(monkeypatch, CorruptRecordException())
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=60)


async def test_a_record_that_cannot_be_unpacked_halts_and_no_other_is_lost(
    database: Database, kafka: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_up(database, kafka, group)
    events = [verified() for _ in range(60)]
    await send(kafka, events)
    stumble(monkeypatch, UnicodeDecodeError("utf-8", b"\xff", 0, 1, "a header's name"))
    async with consuming(database, kafka, group) as consumer:
        with pytest.raises(Halt, match="UnicodeDecodeError"):
            await asyncio.wait_for(asyncio.shield(consumer.halted), 30)
    async with consuming(database, kafka, group):
        await until_async(seen(database, events), within=30, is_=60)


async def test_a_coordinator_that_does_not_answer_a_commit_does_not_hold_the_consumer(
    database: Database, kafka: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_up(database, kafka, group)

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(consumer_module, "_TELL_SECONDS", 0.2)
    monkeypatch.setattr(AIOKafkaConsumer, "commit", never)
    async with consuming(database, kafka, group):
        for _ in range(2):
            events = [verified() for _ in range(20)]
            await send(kafka, events)
            await until_async(seen(database, events), within=20, is_=20)
