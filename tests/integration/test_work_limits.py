"""Limits of an outside system over all replicas, and the single probe, also where several kinds of work go there."""

import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from hoso_chassis.breaker import Breaker
from hoso_chassis.database import Database
from hoso_chassis.performers import gates
from hoso_chassis.target_limits import Gate, Limits
from hoso_chassis.work import NotThisOneYet, TargetUnavailable
from support.waiting import until_async
from support.work_queue import LIVE, Outside, Piece, enqueue, kind, value, working


def pieces(count: int, name: str = "") -> list[Piece]:
    return [Piece(key=f"{name}{number}", number=number) for number in range(count)]


async def test_two_replicas_together_call_no_more_at_a_time_than_the_target_bears(database: Database) -> None:
    """Two kinds of work, each in two replicas, with room for sixteen each; three at a time is what the target bears."""
    go_on = asyncio.Event()
    outside = Outside(pause=go_on.wait)
    limits = Limits(at_once=3)
    await enqueue(database, pieces(10))
    await enqueue(database, pieces(10, "other"), name="other")
    kinds = (kind(outside, limits=limits), kind(outside, limits=limits, name="other"))
    async with working(database, *kinds), working(database, *kinds):
        await until_async(value(database, "SELECT count(*) FROM work WHERE state = 'running'"), within=20, is_=3)
        before = await value(database, "SELECT pg_current_xact_id()::text::bigint")()
        await until_async(  # some more claims have been tried meanwhile
            value(database, "SELECT pg_current_xact_id()::text::bigint"), within=20, is_=lambda now: now > before + 20
        )
        assert len(outside.calls) == 3
        go_on.set()
        await until_async(value(database, LIVE), within=20, is_=0)
    assert outside.most_at_once <= 3
    assert len(outside.calls) == 20


async def test_two_replicas_together_begin_no_more_calls_a_second_than_the_target_bears(database: Database) -> None:
    begun: list[float] = []
    outside = Outside(answer=lambda _: begun.append(monotonic()))
    await enqueue(database, pieces(25))
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(working(database, kind(outside, limits=Limits(per_second=10))))
        await until_async(value(database, LIVE), within=20, is_=0)
    assert await value(database, "SELECT sum(calls) FROM work_calls")() == 25
    counted = """SELECT max(total) FROM (SELECT sum(calls) OVER (ORDER BY at RANGE BETWEEN interval '0.99 seconds'
                 PRECEDING AND CURRENT ROW) AS total FROM work_calls) AS windows"""
    assert await value(database, counted)() <= 10
    assert begun[-1] - begun[0] >= 1.5


async def test_a_target_that_bears_less_than_a_call_a_second_gets_one_in_so_long(database: Database) -> None:
    outside = Outside()
    await enqueue(database, pieces(2))
    async with working(database, kind(outside, limits=Limits(per_second=0.8))):
        await until_async(value(database, LIVE), within=20, is_=0)
    gap = "SELECT extract(epoch FROM max(at) - min(at))::float FROM work_calls"
    assert await value(database, gap)() >= 1.2


def test_kinds_of_one_target_agree_on_its_limits() -> None:
    outside = Outside()
    with pytest.raises(ValueError, match="different limits"):
        gates([kind(outside), kind(outside, name="other", limits=Limits(at_once=1))])


async def test_the_probe_is_single_also_when_two_kinds_of_work_go_to_the_target(database: Database) -> None:
    go_on = asyncio.Event()
    outside = Outside(pause=go_on.wait)
    breaker = Breaker("outside", threshold=1, rest=0.0)
    breaker.failed()
    await enqueue(database, pieces(5))
    await enqueue(database, pieces(5, "other"), name="other")
    async with working(database, kind(outside), kind(outside, name="other"), breaker=breaker):
        await until_async(value(database, "SELECT count(*) FROM work WHERE state = 'running'"), within=20, is_=bool)
        turns = 0

        async def turned() -> int:
            nonlocal turns
            turns += 1
            return turns

        await until_async(turned, within=20, is_=20)
        assert len(outside.calls) == 1
        go_on.set()
        await until_async(value(database, LIVE), within=20, is_=0)


async def test_what_the_target_does_not_take_yet_opens_the_breaker_for_nobody(database: Database) -> None:
    slow = {"0": 3}

    def answer(piece: Piece) -> Exception | None:
        if slow.get(piece.key):
            slow[piece.key] -= 1
            return NotThisOneYet()
        return None

    outside, breaker = Outside(answer), Breaker("outside", threshold=1, rest=60)
    await enqueue(database, pieces(5))
    async with working(database, kind(outside), breaker=breaker):
        await until_async(value(database, LIVE), within=20, is_=0)
    assert breaker.state == "closed"
    assert len(outside.calls) == 8


async def test_a_target_that_is_away_opens_it_for_all(database: Database) -> None:
    outside, breaker = Outside(lambda _: TargetUnavailable()), Breaker("outside", threshold=1, rest=60)
    await enqueue(database, pieces(5))
    async with working(database, kind(outside, concurrency=1), breaker=breaker):
        await until_async(value(database, "SELECT count(*) FROM work WHERE last_error <> ''"), within=20, is_=1)
    assert breaker.state == "open"
    assert len(outside.calls) == 1


async def test_whatever_rate_below_one_a_second_lets_a_call_begin(database: Database) -> None:
    """For thirteen of these the product of rate and window is just below one whole call."""
    rates = [hundredth / 100 for hundredth in range(1, 100)]
    async with database.transaction() as tx:
        gate = {rate: Gate("target", ["call"], Limits(per_second=rate)) for rate in rates}
        shut = [rate for rate in rates if await gate[rate].enter(tx.connection, 8) != 1]
    assert shut == []
