"""Work that kills its worker each time: it ends, visibly, and what was in flight beside it is done."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hoso_chassis.calls import MOST_LOST
from hoso_chassis.database import Database
from hoso_chassis.work import TargetUnavailable
from support.form import sized
from support.killer import POISON
from support.waiting import until_async
from support.work_queue import LIVE, Outside, Piece, enqueue, kind, value, working

_TESTS = Path(__file__).parents[1]
# What time does otherwise: the lease of a dead worker ends.
_LEASES_END = "UPDATE work SET lease_until = clock_timestamp(), run_at = clock_timestamp() WHERE state = 'running'"
POISONED = "SELECT (state, lost_claims, last_error)::text FROM work WHERE key = 'poison'"


async def test_work_that_kills_its_process_each_time_ends_and_the_queue_goes_on(
    database: Database, database_url: str
) -> None:
    await enqueue(database, [Piece(key=POISON, number=0), *(Piece(key=f"{n}", number=n) for n in range(1, 30))])
    kills = sized(2, MOST_LOST)  # how often it still may
    await value(database, f"UPDATE work SET lost_claims = {MOST_LOST - kills} WHERE key = '{POISON}'")()  # noqa: S608
    deaths = 0
    while deaths < 12:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "support.killer", database_url), env={**os.environ, "PYTHONPATH": str(_TESTS)}
        )
        try:
            ended = asyncio.create_task(worker.wait())
            done = asyncio.create_task(until_async(value(database, LIVE), within=30, is_=0))
            await asyncio.wait({ended, done}, return_when=asyncio.FIRST_COMPLETED)
            if done.done():
                break
            done.cancel()
        finally:
            if worker.returncode is None:
                worker.kill()
            await worker.wait()
        deaths += 1
        await value(database, _LEASES_END)()
    assert deaths == kills
    assert await value(database, POISONED)() == f"(dead,{MOST_LOST},unknown)"
    assert await value(database, "SELECT count(*) FROM work")() == 1
    assert await value(database, "SELECT sum(seen)::int FROM counts")() == 100 + 29, "each other piece was done, once"


async def test_a_call_that_fails_by_itself_has_killed_nobody(database: Database) -> None:
    """Lost claims count in a row: between two of them the process answered for its call."""
    await enqueue(database, [Piece(key="a", number=0)])
    fails = [True]
    outside = Outside(lambda _: TargetUnavailable() if fails else None)
    await value(
        database,
        f"UPDATE work SET state = 'running', attempts = 4, lost_claims = {MOST_LOST - 2}, lease_until = now()",  # noqa: S608
    )()
    async with working(database, kind(outside)):
        await until_async(value(database, "SELECT count(*) FROM work WHERE last_error <> ''"), within=20, is_=1)
        assert await value(database, "SELECT lost_claims FROM work")() == 0
        fails.clear()
        await until_async(value(database, LIVE), within=20, is_=0)


async def test_what_was_lost_before_is_called_one_at_a_time(database: Database) -> None:
    await enqueue(database, [Piece(key=f"{n}", number=n) for n in range(5)])
    await value(database, "UPDATE work SET state = 'running', attempts = 1, lease_until = now(), run_at = now()")()
    await enqueue(database, [Piece(key="fresh", number=9)])
    go_on = asyncio.Event()
    outside = Outside(pause=go_on.wait)
    async with working(database, kind(outside)):
        claimed = "SELECT count(*) FROM work WHERE state = 'running' AND lease_until > now()"
        await until_async(value(database, claimed), within=20, is_=2)
        assert sorted(piece.key == "fresh" for piece in outside.calls) == [False, True]
        go_on.set()
        await until_async(value(database, LIVE), within=20, is_=0)
    assert len(outside.calls) == 6


@pytest.mark.parametrize("lost", [MOST_LOST, MOST_LOST + 1])
async def test_what_was_lost_too_often_is_given_up_without_a_call(database: Database, lost: int) -> None:
    await enqueue(database, [Piece(key="a", number=0)])
    await value(
        database,
        f"UPDATE work SET state = 'running', attempts = 9, lost_claims = {lost - 1}, lease_until = now()",  # noqa: S608
    )()
    outside = Outside()
    with capture_logs() as said:
        async with working(database, kind(outside)):
            await until_async(value(database, LIVE), within=20, is_=0)
    assert outside.calls == []
    assert [line["event"] for line in said] == ["work-kills"]
