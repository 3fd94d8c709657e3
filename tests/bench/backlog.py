"""Seconds a row takes to drain after an outage: outbox, topic and work queue, ten times as many rows against as many.

HOSO_BENCH_BACKLOG is the larger number, 200,000 unless it is set; the long form has 10^6. The same children as in
relay.py and consume.py; work is drained by the chassis' Performer with a call that does nothing. Memory must stay
flat: `peak_mb`.
"""

import asyncio
import operator
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import asyncpg
from pydantic import BaseModel

from bench import consume, relay
from bench.measured import Bench, Run, result, tell, write
from bench.places import Place, child, database, place
from bench.stopwatch import Stopwatch
from hoso_chassis.breaker import Breaker
from hoso_chassis.database import Database
from hoso_chassis.performer import Performer
from hoso_chassis.work import Kind
from support.counting import TABLE, Count, CountStore
from support.waiting import until_async

LARGE: Final = int(os.environ.get("HOSO_BENCH_BACKLOG", "200000"))
FILL: Final = """
INSERT INTO work (kind, key, subject, payload, expires_at)
SELECT 'nothing', md5((n / 2)::text), md5((n / 2)::text)::uuid, convert_to('{"n": ' || n || '}', 'UTF8'),
       now() + interval '3 days'
FROM generate_series(1, $1::bigint) AS n
"""


class Nothing(BaseModel):
    """What there is to do."""

    n: int


async def do_nothing(_: Nothing) -> None:
    """The call."""


def nothing_follows(*_: object) -> tuple[()]:
    """What its result leads to."""
    return ()


async def drain() -> None:
    """The measured child: empties the work queue once."""
    rows = int(os.environ["HOSO_BENCH_RECORDS"])
    database = Database(os.environ["BENCH_DATABASE_URL"], "/hoso/dossier", size=4)
    await database.open()
    kind: Kind[Any, Any, Count] = Kind(
        name="nothing",
        target="nobody",
        payload=Nothing,
        perform=do_nothing,
        record=nothing_follows,
        give_up=nothing_follows,
        concurrency=200,
    )
    performer, watch = Performer(database, kind, CountStore(), Breaker("nobody")), Stopwatch()
    watch.begin()
    running = asyncio.create_task(performer.run())
    async with database.connection() as connection:
        last = "SELECT EXISTS (SELECT FROM work WHERE id > $1)"  # a look at the first ones would walk over dead entries
        await until_async(partial(connection.fetchval, last, rows * 9 // 10), within=3600, is_=operator.not_)
        await until_async(
            partial(connection.fetchval, "SELECT EXISTS (SELECT FROM work)"), within=60, is_=operator.not_
        )
    watch.end(rows)
    performer.stop()
    await running
    await database.close()


async def main() -> None:
    """Measure all three at both sizes."""
    with place() as servers:
        drains: dict[str, Callable[[int], Awaitable[Run]]] = {
            "outbox": partial(_outbox, servers),
            "topic": partial(_topic, servers),
            "work": partial(_work, servers),
        }
        for name, run in drains.items():
            small, large = await run(LARGE // 10), await run(LARGE)
            tell(f"backlog of {name}: {small.rate:,.0f}/s for {LARGE // 10}, {large.rate:,.0f}/s for {LARGE}")
            bench = Bench(
                f"backlog-{name}",
                "ms/row",
                f"the same with {LARGE // 10} rows",
                1.10,
                1.0,
                is_cost=True,
                conditions=f"{LARGE} rows; peak memory {large.more['peak_mb']:.0f} MB, of the small "
                f"{small.more['peak_mb']:.0f} MB",
            )
            write(result(bench, [large], [small], ([1000 / large.rate], [1000 / small.rate])))


async def _outbox(servers: Place, rows: int) -> Run:
    async with database(servers) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(relay.FILL, relay.OTHER_TOPIC, "hoso.attachment.check-requested.v1", rows)
        await connection.close()
        return await child(servers, "bench.relay", BENCH_DATABASE_URL=url, HOSO_BENCH_RECORDS=str(rows))


async def _topic(servers: Place, rows: int) -> Run:
    await consume.fill(servers, rows)
    async with database(servers, TABLE) as url:
        group = f"bench.{url.rpartition('_')[2]}"
        return await child(
            servers, "bench.consume", "500", BENCH_DATABASE_URL=url, BENCH_GROUP=group, HOSO_BENCH_RECORDS=str(rows)
        )


async def _work(servers: Place, rows: int) -> Run:
    async with database(servers, TABLE) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL, rows)
        await connection.execute("VACUUM (ANALYZE) work")
        await connection.close()
        return await child(servers, "bench.backlog", BENCH_DATABASE_URL=url, HOSO_BENCH_RECORDS=str(rows))


if __name__ == "__main__":
    asyncio.run(drain())
