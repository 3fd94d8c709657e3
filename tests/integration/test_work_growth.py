"""What a claim costs: the same after a long history that nothing may clear away, and beside a million waiting rows."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import asyncpg
import pytest

from hoso_chassis import claims, work_floors
from hoso_chassis.claims import LEASES, claim, measure, promote, settle, sides
from hoso_chassis.consequences import Priority
from hoso_chassis.database import Database
from hoso_chassis.postgres import Connection
from hoso_chassis.work_floors import FloorKeeper
from support.form import sized
from support.waiting import until_async
from support.work_queue import value, wanted

HISTORY: Final = sized(100_000, 10_000_000)
WAITING: Final = sized(20_000, 1_000_000)
_SLICE: Final = 20_000

# What the life of so many jobs leaves behind: a row that was enqueued, claimed and deleted, an hour ago by its times.
_ENQUEUED: Final = """
INSERT INTO work (kind, key, subject, payload, expires_at, run_at)
SELECT 'call', 'old' || i, gen_random_uuid(), repeat('x', 100)::bytea, now() + interval '1 day',
       now() - interval '1 hour'
FROM generate_series(1, $1::int) AS i
"""
_CLAIMED: Final = """
UPDATE work SET state = 'running', attempts = 1, lease_until = now() - interval '1 hour'
WHERE state || '' = 'ready' AND kind = 'call' AND run_at >= now() - interval '2 hours'
"""
_LIVE: Final = """
INSERT INTO work (kind, key, subject, payload, expires_at, run_at)
SELECT 'call', 'live' || i, gen_random_uuid(), repeat('x', 100)::bytea, now() + interval '1 day', clock_timestamp()
FROM generate_series(1, $1::int) AS i
"""


@pytest.fixture
async def connection(database: Database) -> AsyncGenerator[Connection]:
    async with database.connection() as connection:
        yield connection


@pytest.fixture
async def snapshot(database: Database) -> AsyncGenerator[None]:
    """Somebody's old snapshot: nothing that ends after it can be cleared away."""
    reader = await asyncpg.connect(database.url)
    transaction = reader.transaction(isolation="repeatable_read")
    await transaction.start()
    await reader.fetchval("SELECT count(*) FROM work")
    yield
    await reader.close()


async def explained(connection: Connection, keeper: FloorKeeper) -> dict[str, Any]:
    """A claim's plan as it ran; undone."""
    ask = wanted(8, floors=keeper.floors)
    undo = connection.transaction()
    await undo.start()
    try:
        (row,) = await connection.fetch(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {claims._CLAIM}",
            ask.kind,
            *sides(ask.floors),
            48,
            ask.limit,
            ask.lease,
            ask.resumed,
            ask.longest_first,
        )
    finally:
        await undo.rollback()
    return json.loads(row[0])[0]["Plan"]


def buffers(plan: dict[str, Any]) -> int:
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def let_pass(connection: Connection, keeper: FloorKeeper) -> None:
    """Look until the floor has come up to now, as far as it does."""
    start = await connection.fetchval("SELECT clock_timestamp() - interval '10 seconds'")

    async def passed() -> bool:
        await keeper.look(connection)
        return min(keeper.floors.values()) > start

    await until_async(passed, within=20)


async def live(connection: Connection) -> None:
    await connection.execute(_LIVE, 1_000)


@pytest.mark.usefixtures("snapshot")
async def test_a_claim_reads_as_much_after_a_long_history_under_an_old_snapshot(connection: Connection) -> None:
    keeper = FloorKeeper("call")
    await let_pass(connection, keeper)
    await live(connection)
    before = buffers(await explained(connection, keeper))
    await connection.execute("DELETE FROM work")
    for _ in range(HISTORY // _SLICE):
        await connection.execute(_ENQUEUED, _SLICE, timeout=120)
        await connection.execute(_CLAIMED, timeout=120)
        await connection.execute("DELETE FROM work WHERE state || '' = 'running' AND kind = 'call'", timeout=600)
    await connection.execute("ANALYZE work")  # which finds that the table is empty
    await live(connection)

    started = FloorKeeper("call")
    await keeper.store(connection)
    await started.keep(connection)
    for one in (keeper, started):
        after = buffers(await explained(connection, one))
        assert after < 2 * before + 200, f"{before} buffers before {HISTORY} jobs, {after} after"
    begun = monotonic()
    await measure(connection, "call", started.floors)
    jobs = (await claim(connection, wanted(8, floors=started.floors))).jobs
    await settle(connection, jobs)
    await promote(connection, jobs)
    assert len(jobs) == 8
    assert monotonic() - begun < 1.0


def looks(plan: dict[str, Any]) -> set[str]:
    """Every look at the table in a plan: the index and the first column that it is entered by."""
    found = {plan["Node Type"]} if plan["Node Type"] == "Seq Scan" else set[str]()
    if index := plan.get("Index Name"):
        found.add(f"{index} {plan.get('Index Cond', '').lstrip('(').partition(' ')[0]}")
    return found.union(*(looks(part) for part in plan.get("Plans", ())))


async def test_each_look_has_one_index_that_fits_it_also_when_the_table_is_taken_for_empty(
    connection: Connection,
) -> None:
    await live(connection)
    await connection.execute("DELETE FROM work")
    await connection.execute("ANALYZE work")
    await live(connection)
    for _ in range(2):
        plan = await explained(connection, FloorKeeper("call"))
        assert looks(plan) == {"work_due kind", "work_running kind", "work_live_key key", "work_pkey id"}
        indexes = "relname IN ('work', 'work_due', 'work_running', 'work_pkey', 'work_live_key')"
        await connection.execute(f"UPDATE pg_class SET reltuples = 0 WHERE {indexes}")  # noqa: S608
        await connection.execute("DISCARD PLANS")


async def test_what_waits_behind_heads_that_are_tried_again_later_leaves_the_way_free(connection: Connection) -> None:
    """A quarter of the rows are heads in back-off; the rest stand before one that is due and was enqueued last."""
    await connection.execute(
        """
        INSERT INTO work (kind, key, subject, payload, expires_at, run_at)
        SELECT 'call', 'k' || i % ($1::int / 4), gen_random_uuid(), 'x', now() + interval '1 day',
               now() + CASE WHEN i < $1::int / 4 THEN interval '5 minutes' ELSE interval '-1 minute' END
        FROM generate_series(0, $1::int - 1) AS i
        """,
        WAITING,
        timeout=300,
    )
    await live(connection)
    longest, found = 0.0, 0
    for _ in range(WAITING):
        begun = monotonic()
        claimed = await claim(connection, wanted(8))
        longest, found = max(longest, monotonic() - begun), len(claimed.jobs)
        assert claimed.jobs or claimed.cleared
        if found:
            break
    assert found == 8
    assert await connection.fetchval("SELECT count(*) FROM work WHERE state = 'waiting'") >= WAITING * 3 // 4 - 200
    assert longest < 3.0, "it puts no more aside than some hundreds at a time"
    assert buffers(await explained(connection, FloorKeeper("call"))) < 2_000


async def test_the_floor_never_passes_what_commits_late(database: Database, connection: Connection) -> None:
    keeper = FloorKeeper("call")
    await let_pass(connection, keeper)
    async with database.connection() as slow:
        writing = slow.transaction()
        await writing.start()
        await slow.execute(_LIVE, 1)
        due = await slow.fetchval("SELECT run_at FROM work")

        async def long_ago() -> bool:
            await keeper.look(connection)
            return bool(
                await connection.fetchval("SELECT clock_timestamp() > $1::timestamptz + interval '3 seconds'", due)
            )

        await until_async(long_ago, within=20)
        assert keeper.floors[Priority.NORMAL] <= due
        await writing.commit()
    assert len((await claim(connection, wanted(floors=keeper.floors))).jobs) == 1


async def test_a_clock_that_is_set_back_lowers_the_floor_by_as_much(connection: Connection) -> None:
    keeper = FloorKeeper("call")
    await let_pass(connection, keeper)
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    ahead = now + timedelta(hours=1)
    keeper.floors, keeper._last = dict.fromkeys((0, 1, 2, LEASES), ahead), ahead
    await keeper.look(connection)
    assert all(floor < now for floor in keeper.floors.values())
    await live(connection)
    assert (await claim(connection, wanted(floors=keeper.floors))).jobs


async def test_what_stands_below_a_floor_or_waits_behind_nothing_is_lifted(
    database: Database, connection: Connection
) -> None:
    keeper = FloorKeeper("call")
    await let_pass(connection, keeper)
    await keeper.store(connection)
    await live(connection)
    await connection.execute("UPDATE work SET run_at = now() - interval '1 day' WHERE key = 'live1'")
    await connection.execute("UPDATE work SET state = 'waiting' WHERE key = 'live2'")
    await connection.execute("DELETE FROM work WHERE key NOT IN ('live1', 'live2')")
    assert not (await claim(connection, wanted(floors=keeper.floors))).jobs
    await work_floors.lift(connection)
    assert await value(database, "SELECT count(*) FROM work WHERE state = 'ready'")() == 2
    assert len((await claim(connection, wanted(floors=keeper.floors))).jobs) == 2
