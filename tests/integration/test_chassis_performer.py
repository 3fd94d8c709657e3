"""Ordered work: the head of a key alone, every attempt counted, results and what they announce in one transaction."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from hoso_chassis import calls as calls_module
from hoso_chassis import performer as performer_module
from hoso_chassis.breaker import Breaker
from hoso_chassis.claims import claim
from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.performer import Performer
from hoso_chassis.work import GivenUp, Kind, OutcomeUnknown, TargetRefused, TargetUnavailable
from support.counting import Count, CountStore, refused
from support.waiting import until_async


class Call(BaseModel):
    """A payload."""

    number: int


@dataclass
class Target:
    """The outside: remembers the calls and answers as it is told."""

    answer: Callable[[int], Any] = lambda _: None
    calls: list[int] = field(default_factory=list[int])
    at_once: int = 0
    most_at_once: int = 0

    async def perform(self, payload: Call) -> int:
        self.calls.append(payload.number)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        outcome = self.answer(payload.number)
        if isinstance(outcome, Exception):
            raise outcome
        return payload.number


def record(_payload: Call, _result: int, count: Count) -> Iterable[Consequence]:
    count.seen += 1
    yield refused(count.dossier_id)


def give_up(_payload: Call, _why: GivenUp, count: Count) -> Iterable[Consequence]:
    count.seen += 100
    return ()


def kind(target: Target, **changed: Any) -> Kind[Call, int, Count]:
    arguments: dict[str, Any] = {"timeout": 5, "first_delay": 0.02, "longest_delay": 0.05, **changed}
    return Kind("call", "outside", Call, target.perform, record, give_up, **arguments)


@asynccontextmanager
async def working(
    database: Database, made: Kind[Call, int, Count], threshold: int = 1000
) -> AsyncGenerator[Performer[Count]]:
    performer = Performer(database, made, CountStore(), Breaker("outside", threshold, rest=0.05))
    running = asyncio.create_task(performer.run())
    try:
        yield performer
    finally:
        performer.stop()
        await running


async def enqueue(database: Database, numbers: Iterable[int], *, key: str = "", subject: UUID | None = None) -> None:
    database.max_ages.setdefault("call", timedelta(days=1))
    async with database.transaction() as tx:
        for number in numbers:
            tx.enqueue(Work("call", key or str(number), subject or uuid4(), Call(number=number)))


def value(database: Database, query: str) -> Callable[[], Awaitable[Any]]:
    async def ask() -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(query)

    return ask


LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"
DEAD = "SELECT count(*) FROM work WHERE state = 'dead'"
SEEN = "SELECT coalesce(sum(seen), 0)::int FROM counts"


async def test_each_piece_is_done_once_and_gone(database: Database) -> None:
    target = Target()
    await enqueue(database, range(200))
    async with working(database, kind(target)), working(database, kind(target)):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert sorted(target.calls) == list(range(200))
    assert await value(database, SEEN)() == 200
    assert await value(database, "SELECT count(*) FROM outbox")() == 200
    assert await value(database, "SELECT count(*) FROM work")() == 0


async def test_a_key_runs_one_after_the_other_in_order_also_over_retries(database: Database) -> None:
    stumbles = {3: 2, 5: 1}

    def answer(number: int) -> Any:
        if stumbles.get(number):
            stumbles[number] -= 1
            return TargetUnavailable()
        return None

    target = Target(answer)
    await enqueue(database, range(8), key="one")
    async with working(database, kind(target)), working(database, kind(target)):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert target.calls == [0, 1, 2, 3, 3, 3, 4, 5, 5, 6, 7]
    assert target.most_at_once == 1


async def test_a_refusal_is_given_up_at_once_and_lets_the_next_run(database: Database) -> None:
    target = Target(lambda number: TargetRefused() if number == 0 else None)
    await enqueue(database, [0, 1], key="one")
    async with working(database, kind(target)):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert target.calls == [0, 1]
    assert await value(database, DEAD)() == 1
    assert await value(database, SEEN)() == 101
    assert await value(database, "SELECT last_error FROM work")() == "refused"


async def test_work_that_grew_too_old_dies_visibly(database: Database) -> None:
    database.max_ages["call"] = timedelta(seconds=0.2)
    target = Target(lambda _: TargetUnavailable())
    await enqueue(database, [0])
    async with working(database, kind(target)):
        await until_async(value(database, DEAD), within=20, is_=1)

    assert await value(database, "SELECT last_error FROM work")() == "expired"
    assert await value(database, SEEN)() == 100


async def test_at_most_once_work_whose_answer_was_lost_is_not_done_again(database: Database) -> None:
    target = Target(lambda _: OutcomeUnknown())
    await enqueue(database, [0])
    async with working(database, kind(target, at_most_once=True)):
        await until_async(value(database, DEAD), within=20, is_=1)

    assert target.calls == [0]
    assert await value(database, "SELECT last_error FROM work")() == "unknown"


async def claim_and_die(database: Database) -> None:
    """What a killed worker leaves: a claim that was committed and never settled."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE work SET state = 'running', attempts = 1, run_at = now() - interval '1 second', lease_until = now()"
        )


async def test_a_killed_workers_claim_is_taken_up_again(database: Database) -> None:
    target = Target()
    await enqueue(database, [0])
    await claim_and_die(database)
    async with working(database, kind(target)):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert target.calls == [0]


async def test_a_killed_workers_at_most_once_call_is_not_made_again(database: Database) -> None:
    target = Target()
    await enqueue(database, [0])
    await claim_and_die(database)
    async with working(database, kind(target, at_most_once=True)):
        await until_async(value(database, DEAD), within=20, is_=1)

    assert target.calls == []
    assert await value(database, "SELECT last_error FROM work")() == "unknown"


async def test_a_call_does_not_begin_when_its_claim_may_end_before_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Target()
    await enqueue(database, [0])
    naps = iter([100.0])  # the process is stopped between the claim's commit and the first call, then no more

    async def claim_and_sleep(*arguments: Any) -> Any:
        claimed = await claim(*arguments)
        if claimed.jobs and (nap := next(naps, 0.0)):
            for module in (performer_module, calls_module):
                monkeypatch.setattr(module, "monotonic", lambda: monotonic() + nap)
        return claimed

    monkeypatch.setattr(performer_module, "claim", claim_and_sleep)
    with capture_logs() as said:
        async with working(database, kind(target, at_most_once=True)):
            await until_async(value(database, LIVE), within=20, is_=0)
    assert [one["event"] for one in said] == ["claim-lapsed"]
    assert target.calls == [0], "what was surely not sent is sent once, also when it may be sent at most once"


async def test_an_open_breaker_lets_a_single_probe_through(database: Database) -> None:
    away = True
    target = Target(lambda _: TargetUnavailable() if away else None)
    await enqueue(database, range(50))
    async with working(database, kind(target, concurrency=10), threshold=5):
        await until_async(
            value(database, "SELECT count(*) FROM work WHERE attempts > 0"), within=20, is_=lambda n: n >= 12
        )
        assert len(target.calls) < 25  # the first ten, then one at a time
        away = False
        await until_async(value(database, LIVE), within=20, is_=0)

    assert await value(database, SEEN)() == 50


async def test_a_hanging_call_is_cut_off_and_tried_again(database: Database) -> None:
    hung = asyncio.Event()

    class Hanging(Target):
        async def perform(self, payload: Call) -> int:
            self.calls.append(payload.number)
            if len(self.calls) == 1:
                await hung.wait()
            return payload.number

    target = Hanging()
    await enqueue(database, [0])
    async with working(database, kind(target, timeout=0.2)):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert target.calls == [0, 0]


async def test_a_result_that_cannot_be_recorded_buries_its_work_alone(database: Database) -> None:
    def stumble(payload: Call, result: int, count: Count) -> Iterable[Consequence]:
        if result == 3:
            raise ZeroDivisionError
        return record(payload, result, count)

    target = Target()
    await enqueue(database, range(6))
    made = Kind("call", "outside", Call, target.perform, stumble, give_up, timeout=5)
    async with working(database, made):
        await until_async(value(database, LIVE), within=20, is_=0)

    assert await value(database, DEAD)() == 1
    assert await value(database, SEEN)() == 105  # it was given up as unknown
