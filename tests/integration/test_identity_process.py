"""Identity as a real process between real topics, a real register and a real database; it is killed where it hurts."""

from collections.abc import AsyncGenerator, Generator
from datetime import date
from pathlib import Path

import asyncpg
import orjson
import pytest

from hoso_population_mock.people import Person, person_at, typed_name
from support.identity import requested
from support.identity_process import Dossier, Worker, dossier, worker_process
from support.population import NOBODYS_NUMBER, Register, register_process
from support.waiting import until_async

IN_CALL = "SELECT count(*) FROM work WHERE state = 'running' AND subject = $1 AND attempts = $2"
LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"
WAITING_FOR_A_LOCK = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
OTHER_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Register]:
    with register_process(tmp_path_factory.mktemp("register") / "log") as made:
        yield made


@pytest.fixture
def register(process: Register) -> Register:
    process.switch()
    return process


@pytest.fixture
async def worker(database_url: str, register: Register, kafka: str, tmp_path: Path) -> AsyncGenerator[Worker]:
    async with worker_process(database_url, register.url, kafka, tmp_path / "log") as made:
        yield made


@pytest.fixture
async def sender(kafka: str) -> AsyncGenerator[Dossier]:
    async with dossier(kafka) as made:
        yield made


@pytest.fixture
async def connection(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    made = await asyncpg.connect(database_url)
    yield made
    await made.close()


def values_of(person: Person) -> dict[str, object]:
    """What this person declares."""
    return {
        "identity_number": person.identity_number,
        "full_name": typed_name(person),
        "date_of_birth": person.date_of_birth,
    }


async def nothing_left(connection: asyncpg.Connection) -> None:
    """Wait until no work is live and everything was relayed."""
    await until_async(lambda: connection.fetchval(LIVE), within=20, is_=0)
    await until_async(lambda: connection.fetchval("SELECT count(*) FROM outbox"), within=20, is_=0)


async def test_each_question_has_one_verdict_and_no_verdict_says_why(
    worker: Worker, sender: Dossier, connection: asyncpg.Connection
) -> None:
    people = [person_at(index) for index in range(20, 40)]
    matching = [requested(**values_of(person)) for person in people]
    one = values_of(next(person for person in people if person.date_of_birth_precision == "day"))
    differing = [
        requested(**{**one, "full_name": "Nguyễn Văn Khác"}),
        requested(**{**one, "date_of_birth": date(1923, 1, 1)}),
        requested(**{**one, "identity_number": NOBODYS_NUMBER}),
    ]
    await sender.ask(*matching, *differing, times=2)
    await until_async(lambda: sender.count_told(*matching, *differing), within=30, is_=23)
    await nothing_left(connection)

    assert {told.type for told in await sender.told(*matching)} == {"hoso.identity.verified.v1"}
    assert len({told.verification_id for told in await sender.told(*matching, *differing)}) == 23
    rejections = await sender.told(*differing)
    assert {told.type for told in rejections} == {"hoso.identity.rejected.v1"}
    assert {frozenset(orjson.loads(told.data)) for told in rejections} == {
        frozenset({"dossier_id", "verification_id", "rejected_at"})
    }
    said = worker.log.read_text()
    for person in people:
        for value in (person.identity_number, person.full_name, typed_name(person)):
            assert value not in said


@pytest.mark.parametrize("place", ["in the call", "between call and settling"])
async def test_a_worker_that_was_killed_asks_again_and_there_is_one_verdict(
    worker: Worker, sender: Dossier, register: Register, connection: asyncpg.Connection, place: str
) -> None:
    event = requested(**values_of(person_at(7)))
    register.switch(hang=True)
    await sender.ask(event)
    await until_async(lambda: connection.fetchval(IN_CALL, event.verification_id, 1), within=30)
    if place == "in the call":
        await worker.kill()
    else:
        await answer_and_kill(worker, register, connection)
    await until_async(lambda: connection.fetchval(OTHER_SESSIONS), within=10, is_=0)
    assert await connection.fetchval(IN_CALL, event.verification_id, 1) == 1
    assert await connection.fetchval("SELECT state FROM verifications") == "asked"
    assert await sender.told(event) == []

    register.switch(hang=True)
    await connection.execute("UPDATE work SET run_at = now(), lease_until = now()")  # the time of its lease goes by
    await worker.start()
    await until_async(lambda: connection.fetchval(IN_CALL, event.verification_id, 2), within=30)
    register.switch()
    await until_async(lambda: sender.count_told(event), within=20)
    await nothing_left(connection)
    assert [told.type for told in await sender.told(event)] == ["hoso.identity.verified.v1"]


async def answer_and_kill(worker: Worker, register: Register, connection: asyncpg.Connection) -> None:
    """Let the register answer while nobody can record it; kill the worker when it is about to."""
    async with connection.transaction():
        await connection.execute("SELECT FROM verifications FOR UPDATE")
        register.switch()
        await until_async(lambda: connection.fetchval(WAITING_FOR_A_LOCK), within=4, is_=1)
        await worker.kill()


async def test_a_question_that_is_asked_again_gets_the_same_words_again(
    worker: Worker, sender: Dossier, connection: asyncpg.Connection
) -> None:
    event = requested()
    await sender.ask(event)
    await until_async(lambda: sender.count_told(event), within=30)
    await sender.ask(event)
    await until_async(lambda: sender.count_told(event), within=20, is_=2)
    await nothing_left(connection)

    first, second = await sender.told(event)
    assert (first.type, first.data) == (second.type, second.data)
    assert first.event_id != second.event_id
    assert worker.process is not None
    assert worker.process.returncode is None


async def test_a_worker_that_is_stopped_finishes_its_calls_and_sends_what_it_knows(
    worker: Worker, sender: Dossier, register: Register, connection: asyncpg.Connection
) -> None:
    event = requested(**values_of(person_at(8)))
    register.switch(hang=True)
    await sender.ask(event)
    await until_async(lambda: connection.fetchval(IN_CALL, event.verification_id, 1), within=30)
    worker.terminate()
    await until_async(lambda: said(worker, "stopping"), within=10)
    register.switch()
    assert await worker.status() == 0
    assert await connection.fetchval("SELECT (SELECT count(*) FROM work) + (SELECT count(*) FROM outbox)") == 0
    await until_async(lambda: sender.count_told(event), within=10, is_=1)


async def said(worker: Worker, words: str) -> bool:
    return words in worker.log.read_text()
