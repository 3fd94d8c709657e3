"""Order of the work queue: one of a key at a time, the oldest first, whatever waits, retries, races or comes back."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from hoso_chassis import claims
from hoso_chassis.claims import claim, promote, settle, sides
from hoso_chassis.consequences import Priority
from hoso_chassis.database import Database
from hoso_chassis.postgres import Connection
from hoso_chassis.work import TargetUnavailable
from support.form import sized
from support.waiting import until_async
from support.work_queue import LIVE, Outside, Piece, enqueue, kind, value, wanted, working

STATES = "SELECT array_agg(state ORDER BY id) FROM work"
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


def pieces(key: str, *numbers: int) -> list[Piece]:
    return [Piece(key=key, number=number) for number in numbers]


@pytest.fixture
async def two(database: Database) -> AsyncGenerator[tuple[Connection, Connection]]:
    """Two connections, to step through two transactions statement by statement."""
    async with database.connection() as one, database.connection() as other:
        yield one, other


async def demote(connection: Connection) -> int:
    return await connection.fetchval(claims._DEMOTE, "call", *sides({}), 100)


async def test_what_is_enqueued_behind_another_waits_from_the_beginning(database: Database) -> None:
    await enqueue(database, [*pieces("a", 0, 1, 2), *pieces("b", 0)])
    assert await value(database, STATES)() == ["ready", "waiting", "waiting", "ready"]


async def test_a_claim_puts_aside_what_is_no_head_and_takes_what_is(
    database: Database, two: tuple[Connection, Connection]
) -> None:
    for number in range(3):
        await enqueue(database, pieces("a", number))
    claimed = await claim(two[0], wanted())
    assert [job.attempts for job in claimed.jobs] == [1]
    assert await value(database, STATES)() == ["running", "waiting", "waiting"]


async def test_who_ends_the_head_before_the_demotion_lets_the_next_be(
    database: Database, two: tuple[Connection, Connection]
) -> None:
    """The head is deleted and not yet committed: its row is locked, so what is behind it is not put aside."""
    one, other = two
    await enqueue(database, pieces("a", 0))
    (head,) = (await claim(one, wanted())).jobs
    await enqueue(database, pieces("a", 1))
    async with one.transaction():
        await settle(one, [head])
        await promote(one, [head])
        assert await demote(other) == 0
    assert await value(database, STATES)() == ["ready"]


async def test_who_ends_the_head_after_the_demotion_sees_it(
    database: Database, two: tuple[Connection, Connection]
) -> None:
    """The demotion holds the head: its end waits for the commit, and the promotion after it sees what was put aside."""
    one, other = two
    await enqueue(database, pieces("a", 0))
    (head,) = (await claim(one, wanted())).jobs
    await enqueue(database, pieces("a", 1))

    async def end() -> None:
        async with one.transaction():
            await settle(one, [head])
            await promote(one, [head])

    async with other.transaction():
        assert await demote(other) == 1
        ending = asyncio.create_task(end())
        await until_async(value(database, BLOCKED), within=10, is_=1)
    await ending
    assert await value(database, STATES)() == ["ready"]


async def test_a_head_that_was_buried_meanwhile_holds_nobody(
    database: Database, two: tuple[Connection, Connection]
) -> None:
    one, other = two
    await enqueue(database, pieces("a", 0))
    (head,) = (await claim(one, wanted())).jobs
    await enqueue(database, pieces("a", 1))
    async with one.transaction():
        await claims.bury(one, [(head, "refused")])
        await promote(one, [head])
        assert await demote(other) == 0
    assert await demote(other) == 0
    assert [job.lost for job in (await claim(other, wanted())).jobs] == [0]


async def test_what_an_operator_retries_comes_before_what_is_younger_and_beside_nothing_that_runs(
    database: Database, two: tuple[Connection, Connection]
) -> None:
    one, _ = two
    await enqueue(database, pieces("a", 0, 1, 2))
    await one.execute("UPDATE work SET state = 'dead', died_at = now() WHERE id = (SELECT min(id) FROM work)")
    await one.execute("UPDATE work SET state = 'ready' WHERE id = (SELECT min(id) FROM work WHERE state <> 'dead')")
    (second,) = (await claim(one, wanted())).jobs
    await one.execute("UPDATE work SET state = 'ready', run_at = clock_timestamp() WHERE state = 'dead'")
    assert not (await claim(one, wanted())).jobs, "the second runs: the first waits for it"
    async with one.transaction():
        await settle(one, [second])
        await promote(one, [second])
    (first,) = (await claim(one, wanted())).jobs
    assert first.id < second.id
    assert not (await claim(one, wanted())).jobs, "the third waits for the first"


async def test_four_performers_keep_the_order_of_every_key_under_retries_and_priorities(database: Database) -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time
    keys, each = sized(40, 400), 6
    outside = Outside(lambda _: TargetUnavailable() if chance.random() < 0.2 else None)
    for number in range(each):
        for key in range(keys):
            await enqueue(database, pieces(str(key), number), priority=chance.choice(list(Priority)))
    async with AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(working(database, kind(outside)))
        await until_async(value(database, LIVE), within=sized(30, 300), is_=0)

    order: dict[str, list[int]] = defaultdict(list)
    for piece in outside.calls:
        if order[piece.key][-1:] != [piece.number]:
            order[piece.key].append(piece.number)
    assert all(numbers == list(range(each)) for numbers in order.values())
    assert len(order) == keys
    assert outside.overlaps == []


async def test_urgent_work_is_begun_first_and_late_work_last(database: Database) -> None:
    for priority in (Priority.LATE, Priority.NORMAL, Priority.URGENT):
        await enqueue(database, [Piece(key=f"{priority}", number=priority)], priority=priority)
    outside = Outside()
    async with working(database, kind(outside, concurrency=1)):
        await until_async(value(database, LIVE), within=20, is_=0)
    assert [piece.number for piece in outside.calls] == [Priority.URGENT, Priority.NORMAL, Priority.LATE]


async def test_late_work_is_done_while_urgent_work_never_ends(database: Database) -> None:
    await enqueue(database, [Piece(key="late", number=0)], priority=Priority.LATE)
    await enqueue(database, [Piece(key=f"{n}", number=n) for n in range(1, 30)], priority=Priority.URGENT)
    outside = Outside()
    async with working(database, kind(outside, concurrency=1)):
        await until_async(value(database, LIVE), within=20, is_=0)
    assert [piece.key for piece in outside.calls].index("late") == 7, "one claim in eight takes the longest due"
