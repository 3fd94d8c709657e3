"""A database put back to an earlier point, on real PostgreSQL and Kafka: nothing that was published is issued again."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel
from structlog.testing import capture_logs
from uuid_utils.compat import uuid7

from hoso_chassis import incarnation
from hoso_chassis.breaker import Breaker
from hoso_chassis.consequences import Cause, Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.health import Health
from hoso_chassis.performer import Performer
from hoso_chassis.relay import Relay
from hoso_chassis.work import GivenUp, Kind
from hoso_contracts.envelope import CloudEvent, decode
from hoso_contracts.topics import TOPICS
from support.counting import Count, CountStore, refused
from support.dossier_service import Service, running
from support.waiting import until_async

LIFECYCLE = "dossier.lifecycle.v1"
OURS = sorted(name for name, topic in TOPICS.items() if "dossier" in topic.producers)


async def ends(kafka: str) -> dict[TopicPartition, int]:
    """Where the logs of dossier's topics end now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    await consumer.start()
    try:
        found = await consumer.end_offsets([TopicPartition(name, number) for name in OURS for number in range(12)])
    finally:
        await consumer.stop()
    return dict(found)


async def log_since(kafka: str, begin: dict[TopicPartition, int]) -> list[tuple[str, CloudEvent]]:
    """Topic and event of everything committed since."""
    following = await ends(kafka)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(list(following))
        for one, offset in begin.items():
            consumer.seek(one, offset)
        found: list[tuple[str, CloudEvent]] = []
        while any([await consumer.position(one) < end for one, end in following.items()]):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                found += [(one.topic, decode(one.key, one.value, one.headers)) for one in records]
    finally:
        await consumer.stop()
    return found


async def knows_the_log(database: Database, begin: dict[TopicPartition, int]) -> None:
    """The log has what other tests left: this database has nothing to do with it."""
    async with database.connection() as connection:
        await connection.executemany(
            "INSERT INTO relayed (topic, partition, next_offset) VALUES ($1, $2, $3)",
            [(one.topic, one.partition, end) for one, end in begin.items()],
        )


async def relayed(database: Database, kafka: str) -> None:
    """Let a relay lead until the outbox is empty and the database settled."""
    relay = Relay(database, kafka)
    running_relay = asyncio.create_task(relay.run())

    async def done() -> bool:
        async with database.connection() as connection:
            waiting = await connection.fetchval("SELECT count(*) FROM outbox")
            standing = await incarnation.standing(connection)
        return waiting == 0 and standing.is_settled and relay._producer is not None and relay._read_back is None

    try:
        await until_async(done, within=30)
    finally:
        relay.stop()
        await running_relay


class Copies:
    """Copies of a database, taken and put back as an operator would."""

    def __init__(self, admin: asyncpg.Connection, url: str) -> None:
        self.admin, self.url = admin, url
        self.name = url.rpartition("/")[2]

    async def take(self) -> None:
        await self._end_sessions()
        await self.admin.execute(f'CREATE DATABASE "{self.name}_copy" TEMPLATE "{self.name}"')

    async def put_back(self) -> None:
        await self.admin.execute(f'DROP DATABASE "{self.name}" WITH (FORCE)')
        await self.admin.execute(f'ALTER DATABASE "{self.name}_copy" RENAME TO "{self.name}"')

    async def _end_sessions(self) -> None:
        await self.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", self.name)

    async def drop(self) -> None:
        await self.admin.execute(f'DROP DATABASE IF EXISTS "{self.name}_copy" WITH (FORCE)')


@pytest.fixture
async def copies(postgres: str, database_url: str) -> AsyncGenerator[Copies]:
    admin = await asyncpg.connect(postgres)
    copies = Copies(admin, database_url)
    yield copies
    await copies.drop()
    await admin.close()


@pytest.fixture
async def begin(kafka: str) -> dict[TopicPartition, int]:
    return await ends(kafka)


@asynccontextmanager
async def open_service(url: str, folder: Path, **settings: int) -> AsyncGenerator[Service]:
    async with running(url, folder, **settings) as service:
        yield service


async def submitted(service: Service, times: int) -> tuple[list[UUID], list[str]]:
    """Submit new dossiers; their ids and codes."""
    ids = [await service.draft() for _ in range(times)]
    answers = [await service.submit(one) for one in ids]
    assert {answer.status_code for answer in answers} == {201}
    return ids, [answer.json()["code"] for answer in answers]


async def test_a_restored_database_issues_no_code_and_no_sequence_again(
    database_url: str, copies: Copies, kafka: str, tmp_path: Path, begin: dict[TopicPartition, int]
) -> None:
    async with open_service(database_url, tmp_path) as service:
        await knows_the_log(service.database, begin)
        early, codes = await submitted(service, 3)
        await relayed(service.database, kafka)
    await copies.take()
    async with open_service(database_url, tmp_path) as service:
        for one in early:
            await service.make_ready(one)
            assert (await service.decide(one, "accept")).status_code == 200
        forgotten, more = await submitted(service, 4)
        codes += more
        await relayed(service.database, kafka)
    await copies.put_back()

    async with open_service(database_url, tmp_path) as service:
        draft = await service.draft()
        held = await service.submit(draft)
        assert (held.status_code, held.headers["retry-after"]) == (503, "1")
        ready = await Health(pings=dict(service.parts.pings))._ask("codes", service.parts.pings["codes"])
        assert (ready["ok"], ready["error"]) == (False, "CodesHeld")
        # An officer decides before the relay has looked: this one's sequence was given out before, and waits.
        await service.make_ready(early[0])
        assert (await service.decide(early[0], "refuse")).status_code == 200
        with capture_logs() as said:
            await relayed(service.database, kafka)
        assert [line["log_level"] for line in said if line["event"] == "database-was-restored"] == ["error"]
        codes += [(await service.submit(draft)).json()["code"]]
        codes += (await submitted(service, 3))[1]
        await service.make_ready(early[1])
        assert (await service.decide(early[1], "accept")).status_code == 200
        await relayed(service.database, kafka)
        told = await service.rows("SELECT subject, type FROM forgotten_facts WHERE topic = $1", LIFECYCLE)

    events = [event for topic, event in await log_since(kafka, begin) if topic == LIFECYCLE]
    assert len(set(codes)) == len(codes) == 11
    assert all(int(code.rpartition("-")[2]) > 100_000 for code in codes[7:])
    places = [(event.subject, event.sequence) for event in events]
    assert len(set(places)) == len(places)
    for subject in {event.subject for event in events}:
        sequences = [event.sequence for event in events if event.subject == subject]
        assert sequences == list(range(1, len(sequences) + 1))
    assert [event.type for event in events if event.subject == str(early[0])] == [
        *("hoso.dossier.submitted.v1", "hoso.dossier.accepted.v1", "hoso.dossier.refused.v1")
    ]
    assert {row["subject"] for row in told} == {str(one) for one in (*early, *forgotten)}


async def test_an_operator_who_raised_the_epoch_waits_for_nobody(
    database_url: str, copies: Copies, tmp_path: Path
) -> None:
    async with open_service(database_url, tmp_path) as service:
        codes = (await submitted(service, 2))[1]
    await copies.take()
    await copies.put_back()
    async with open_service(database_url, tmp_path) as service:
        assert (await service.submit(await service.draft())).status_code == 503
    async with open_service(database_url, tmp_path, code_epoch=1) as service:
        codes += (await submitted(service, 1))[1]
    assert codes[2].endswith("-100001")


async def test_a_snapshot_of_the_same_database_is_found_by_what_it_does_not_know(
    database_url: str, kafka: str, tmp_path: Path, begin: dict[TopicPartition, int]
) -> None:
    async with open_service(database_url, tmp_path) as service:
        await knows_the_log(service.database, begin)
        await relayed(service.database, kafka)
        before = await service.rows("SELECT topic, partition, next_offset FROM relayed")
        ids, codes = await submitted(service, 3)
        await relayed(service.database, kafka)
        await service.execute("DELETE FROM dossiers; DELETE FROM streams; DELETE FROM code_blocks; DELETE FROM relayed")
        async with service.database.connection() as connection:
            await connection.executemany(
                "INSERT INTO relayed (topic, partition, next_offset) VALUES ($1, $2, $3)",
                [(row["topic"], row["partition"], row["next_offset"]) for row in before],
            )
        await relayed(service.database, kafka)
        assert {row["sequence"] for row in await service.rows("SELECT sequence FROM streams")} == {1}
        assert await service.value("SELECT count(*) FROM streams") == len(ids)
        assert await service.value("SELECT max(epoch) FROM code_blocks") > 0
    async with open_service(database_url, tmp_path) as service:
        assert not set((await submitted(service, 3))[1]) & set(codes)


async def test_a_first_look_at_a_log_of_others_heals_nothing(
    database: Database, kafka: str, begin: dict[TopicPartition, int]
) -> None:
    subject = uuid4()
    async with database.transaction() as tx:
        tx.announce(refused(subject))
    await knows_the_log(database, begin)
    await relayed(database, kafka)
    async with database.connection() as connection:  # as code before this one leaves it
        await connection.execute("DELETE FROM relayed WHERE topic = $1", LIFECYCLE)
        # Of the others' streams it is as if they were its own.
        await connection.execute("UPDATE streams SET sequence = sequence")
    async with database.transaction() as tx:
        tx.announce(refused(subject))
    await relayed(database, kafka)
    events = [event for _, event in await log_since(kafka, begin) if event.subject == str(subject)]
    assert [event.sequence for event in events] == [1, 2]
    async with database.connection() as connection:
        told = await connection.fetch("SELECT subject FROM forgotten_facts")
    assert str(subject) not in {row["subject"] for row in told}


@pytest.mark.parametrize(("seconds", "called"), [(-60, True), (60, False)])
async def test_what_may_be_done_once_and_was_asked_before_the_restore_ends_as_unknown(
    database: Database, seconds: int, *, called: bool
) -> None:
    calls: list[str] = []

    class Nothing(BaseModel):
        pass

    async def perform(_: Nothing) -> None:
        calls.append("called")

    def record(_: Nothing, __: None, ___: Count) -> list[Consequence]:
        return []

    def give_up(_: Nothing, why: GivenUp, __: Count) -> list[Consequence]:
        calls.append(why)
        return []

    kind = Kind("send", "peer", Nothing, perform, record, give_up, at_most_once=True)
    database.max_ages["send"] = kind.max_age
    subject, request = uuid4(), UUID(str(uuid7()))
    async with database.connection() as connection:
        await connection.execute("UPDATE incarnation SET identity = 'another'")
    async with database.transaction() as tx:
        tx.enqueue(Work("send", str(subject), subject, Nothing()), Cause(None, request))
    performer = Performer(database, kind, CountStore(), Breaker("peer"))
    working = asyncio.create_task(performer.run())
    async with database.connection() as connection:
        with pytest.raises(AssertionError):  # until the relay has compared nothing is begun
            await until_async(lambda: claimed(database), within=0.5)
        await connection.execute(
            "UPDATE incarnation SET identity = current_incarnation(), restored_at = now() + make_interval(secs => $1)",
            float(seconds),
        )
    await until_async(lambda: asyncio.sleep(0, list(calls)), within=20)
    performer.stop()
    await working
    assert calls == (["called"] if called else ["unknown"])


async def claimed(database: Database) -> bool:
    async with database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM work WHERE attempts > 0") > 0
