"""Identity against the register as a process of its own: slow, faulty, dead and back, always one verdict a question."""

from collections import Counter
from collections.abc import AsyncGenerator, Generator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hoso_chassis.breaker import Breaker
from hoso_identity.population import PopulationRegister
from hoso_identity.verifying import verify_kind
from hoso_population_mock.people import Population, typed_name
from support.identity import Identity, about, identity, requested
from support.population import NOBODYS_NUMBER, Register, register_process
from support.waiting import until_async

LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"
DEAD = "SELECT count(*) FROM work WHERE state = 'dead'"
ANNOUNCED_TWICE = """
SELECT count(*) - count(DISTINCT (SELECT h ->> 1 FROM jsonb_array_elements(headers) AS h WHERE h ->> 0 = 'ce_subject'))
FROM outbox
"""


@pytest.fixture(scope="module")
def process() -> Generator[Register]:
    with register_process() as made:
        yield made


@pytest.fixture
def register(process: Register) -> Register:
    process.switch()
    return process


@pytest.fixture
async def worker(database_url: str, register: Register) -> AsyncGenerator[Identity]:
    async with identity(database_url, register.url, population_timeout=1.0) as made:
        yield made


class Counted(httpx.AsyncBaseTransport):
    """The way to the register, counted."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.begun = 0
        self.at_once = 0
        self.most_at_once = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.begun += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.inner.handle_async_request(request)
        finally:
            self.at_once -= 1

    async def aclose(self) -> None:
        await self.inner.aclose()


async def all_answered(worker: Identity, count: int) -> None:
    """Wait until everything is settled; then every question has its one verdict and none is left."""
    await until_async(lambda: worker.value(LIVE), within=30, is_=0)
    assert await worker.count_announced() == count
    assert await worker.value(ANNOUNCED_TWICE) == 0
    assert await worker.value("SELECT count(*) FROM verifications WHERE state = 'answered'") == count
    assert await worker.value("SELECT count(*) FROM work") == 0


async def verdicts(worker: Identity) -> Counter[str]:
    return Counter(told["type"].split(".")[2] for told in await worker.announced())


async def test_what_people_type_is_verified(worker: Identity) -> None:
    population = Population()
    people = [population.person_at(index) for index in range(0, 4_000_000, 40_000)]
    await worker.take(
        *(
            requested(
                identity_number=person.identity_number,
                full_name=typed_name(person),
                date_of_birth=person.date_of_birth,
            )
            for person in people
        )
    )
    async with worker.working():
        await all_answered(worker, len(people))
    assert await verdicts(worker) == {"verified": len(people)}


async def test_what_is_not_one_person_is_rejected(worker: Identity, register: Register) -> None:
    one, two = register.people(2, seed=4)
    await worker.take(
        about(one, full_name=two["full_name"]),
        about(one, date_of_birth=requested().date_of_birth),
        about({**two, "identity_number": one["identity_number"]}),
        requested(identity_number=NOBODYS_NUMBER),
        about(one),
    )
    async with worker.working():
        await all_answered(worker, 5)
    assert await verdicts(worker) == {"rejected": 4, "verified": 1}


async def test_an_outage_is_waited_out_and_a_single_probe_looks_for_its_end(
    worker: Identity, register: Register
) -> None:
    way = Counted()
    counted = PopulationRegister(register.url, timeout=1, connections=16, transport=way)
    kind = verify_kind(counted.person, worker.database.clock, timeout=1, concurrency=8)
    register.switch(outage=True)
    await worker.take(*(about(person) for person in register.people(40)))
    async with counted, worker.working(perform=kind.perform, concurrency=8, rest=0.05) as performer:
        await until_async(lambda: worker.value("SELECT count(*) >= 8 FROM work WHERE attempts > 0"), within=10)
        await until_async(lambda: _is_not_closed(performer.breaker), within=10)
        begun, way.most_at_once = way.begun, 0
        await until_async(lambda: _has_begun(way, begun + 4), within=10)
        assert way.most_at_once == 1  # probes, one at a time
        assert await worker.announced() == []
        assert await worker.value(DEAD) == 0

        register.switch()
        await all_answered(worker, 40)
        assert performer.breaker.state == "closed"
    assert await verdicts(worker) == {"verified": 40}


async def _is_not_closed(breaker: Breaker) -> bool:
    return breaker.state != "closed"


async def _has_begun(way: Counted, calls: int) -> bool:
    return way.begun >= calls


async def test_a_register_that_hangs_is_timed_out_and_asked_again(worker: Identity, register: Register) -> None:
    register.switch(hang=True)
    await worker.take(*(about(person) for person in register.people(6)))
    async with worker.working(timeout=0.3):
        await until_async(lambda: worker.value("SELECT count(*) FROM work WHERE last_error IS NOT NULL"), within=10)
        errors = await worker.rows("SELECT DISTINCT last_error FROM work WHERE last_error IS NOT NULL")
        assert all(row["last_error"].startswith("TimeoutError at ") for row in errors)
        assert await worker.announced() == []
        register.switch()
        await all_answered(worker, 6)


@pytest.mark.parametrize(
    "switches",
    [
        {"error_rate": 0.4},
        {"wrong_answer_rate": 0.4},
        {"throttle_per_second": 30},
        {"latency_ms": 20, "latency_jitter_ms": 60, "error_rate": 0.2, "wrong_answer_rate": 0.2},
    ],
    ids=["errors", "a gateway's page", "throttled", "all of it"],
)
async def test_a_faulty_register_delays_and_loses_nothing(
    worker: Identity, register: Register, switches: dict[str, Any]
) -> None:
    register.switch(**switches)
    await worker.take(*(about(person) for person in register.people(50, seed=1)))
    async with worker.working(), worker.working():
        await all_answered(worker, 50)
    assert await verdicts(worker) == {"verified": 50}


async def test_a_register_that_is_killed_and_comes_back_answers_everything_once(
    worker: Identity, register: Register
) -> None:
    people = register.people(60, seed=2)
    register.switch(latency_ms=50)
    await worker.take(*(about(person) for person in people))
    async with worker.working():
        await until_async(worker.count_announced, within=10)
        register.kill()
        await until_async(lambda: worker.value("SELECT count(*) FROM work WHERE last_error IS NOT NULL"), within=10)
        register.start()
        await all_answered(worker, 60)
    assert await verdicts(worker) == {"verified": 60}


async def test_an_outage_longer_than_the_longest_age_is_given_up_visibly_and_revived(
    worker: Identity, register: Register
) -> None:
    worker.database.max_ages["verify"] = timedelta(seconds=0.3)
    register.switch(outage=True)
    events = [about(person) for person in register.people(12, seed=3)]
    await worker.take(*events)
    async with worker.working(rest=0.05) as performer:
        await until_async(lambda: worker.value(DEAD), within=20, is_=12)
        assert {row["last_error"] for row in await worker.rows("SELECT last_error FROM work")} == {"expired"}
        assert await worker.value("SELECT count(*) FROM verifications WHERE state = 'given-up'") == 12
        assert await worker.announced() == []

        register.switch()
        worker.database.max_ages["verify"] = timedelta(days=3)
        await worker.take(*events)
        await until_async(lambda: worker.value(LIVE), within=20, is_=0)
        assert performer.breaker.state == "closed"
    assert await worker.count_announced() == 12
    assert await worker.value(ANNOUNCED_TWICE) == 0


async def test_a_question_that_the_register_does_not_take_is_given_up_at_once(
    worker: Identity, register: Register
) -> None:
    class Malformed(PopulationRegister):
        async def person(self, identity_number: str) -> Any:
            return await super().person(identity_number + "X")

    async with Malformed(register.url, timeout=1, connections=1) as malformed:
        kind = verify_kind(malformed.person, worker.database.clock, timeout=1, concurrency=1)
        event = requested()
        await worker.take(event)
        async with worker.working(perform=kind.perform):
            await until_async(lambda: worker.value(DEAD), within=10, is_=1)
    assert await worker.value("SELECT last_error FROM work") == "refused"
    assert await worker.value("SELECT attempts FROM work") == 1
    assert await worker.state(event.verification_id) == "given-up"


async def test_nothing_of_a_person_is_logged(
    worker: Identity, register: Register, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    register.switch(error_rate=0.3, wrong_answer_rate=0.3)
    people = register.people(20, seed=5)
    await worker.take(*(about(person) for person in people))
    async with worker.working():
        await all_answered(worker, 20)
    told = caplog.text + "".join(capfd.readouterr())
    for person in people:
        for value in (person["identity_number"], person["full_name"], person["date_of_birth"]):
            assert value not in told
