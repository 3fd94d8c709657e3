"""What a real PostgreSQL says in trouble, and the class of each error: the chassis' table on the server's own words."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from hoso_chassis.policy import Failure, Policy
from support.storage_service import free_port
from support.waiting import until_async

Provoke = Callable[[str], Awaitable[None]]


@asynccontextmanager
async def connected(url: str, **settings: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, server_settings=settings)
    try:
        yield connection
    finally:
        connection.terminate()


async def a_statement_that_takes_too_long(url: str) -> None:
    async with connected(url, statement_timeout="50ms") as one:
        await one.execute("SELECT pg_sleep(30)")


async def a_statement_that_an_administrator_cancels(url: str) -> None:
    async with connected(url) as one, connected(url) as other:
        asleep = asyncio.ensure_future(one.execute("SELECT pg_sleep(30)"))
        is_asleep = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1"
        await until_async(lambda: other.fetchval(is_asleep, one.get_server_pid()), within=10)
        await other.fetchval("SELECT pg_cancel_backend($1)", one.get_server_pid())
        await asleep


async def a_session_that_is_ended(url: str) -> None:
    async with connected(url) as one, connected(url) as other:
        asleep = asyncio.ensure_future(one.execute("SELECT pg_sleep(30)"))
        await asyncio.sleep(0)
        await other.fetchval("SELECT pg_terminate_backend($1)", one.get_server_pid())
        await asleep


async def a_session_that_slept_in_a_transaction(url: str) -> None:
    async with connected(url, idle_in_transaction_session_timeout="20ms") as one, connected(url) as other:
        await one.execute("BEGIN")
        is_there = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
        await until_async(lambda: other.fetchval(is_there, one.get_server_pid()), within=10, is_=0)
        await one.execute("SELECT 1")


async def a_lock_that_is_not_given(url: str) -> None:
    async with connected(url) as one, connected(url, lock_timeout="50ms") as other:
        await one.execute("CREATE TABLE t (id int)")
        await one.execute("BEGIN; LOCK t")
        await other.execute("BEGIN; LOCK t")


async def two_that_wait_for_each_other(url: str) -> None:
    async with connected(url, deadlock_timeout="20ms") as one, connected(url, deadlock_timeout="20ms") as other:
        await one.execute("CREATE TABLE a (id int); CREATE TABLE b (id int)")
        await one.execute("BEGIN; LOCK a")
        await other.execute("BEGIN; LOCK b")
        waits = asyncio.gather(one.execute("LOCK b"), other.execute("LOCK a"), return_exceptions=True)
        raise next(error for error in await waits if isinstance(error, Exception))


async def two_that_cannot_be_put_in_order(url: str) -> None:
    async with connected(url) as one, connected(url) as other:
        await one.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
        await one.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t")
        await other.execute("UPDATE t SET n = 2")
        await one.execute("UPDATE t SET n = 3")


async def a_standby(url: str) -> None:
    async with connected(url, default_transaction_read_only="on") as one:
        await one.execute("CREATE TABLE t ()")


async def too_many_connections(url: str) -> None:
    role, parts = f"role_{uuid4().hex}", urlsplit(url)
    async with connected(url) as admin:
        await admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'only-here' CONNECTION LIMIT 0")
        try:
            await asyncpg.connect(parts._replace(netloc=f"{role}:only-here@{parts.hostname}:{parts.port}").geturl())
        finally:
            await admin.execute(f"DROP ROLE {role}")


async def temporary_files_that_are_full(url: str) -> None:
    async with connected(url, temp_file_limit="64kB", work_mem="64kB") as one:
        await one.execute("SELECT n FROM generate_series(1, 200000) AS n ORDER BY n DESC OFFSET 199999")


async def nobody_listens(url: str) -> None:
    await asyncpg.connect(urlsplit(url)._replace(netloc=f"a:b@127.0.0.1:{free_port()}").geturl())


def sql(text: str) -> Provoke:
    async def run(url: str) -> None:
        async with connected(url) as one:
            await one.execute(text)

    return run


@pytest.mark.parametrize(
    ("provoke", "sqlstate", "failure"),
    [
        (a_statement_that_takes_too_long, "57014", Failure.TRANSIENT),
        (a_statement_that_an_administrator_cancels, "57014", Failure.TRANSIENT),
        (a_session_that_is_ended, "57P01", Failure.TRANSIENT),
        (a_session_that_slept_in_a_transaction, "25P03", Failure.TRANSIENT),
        (a_standby, "25006", Failure.TRANSIENT),
        (too_many_connections, "53300", Failure.TRANSIENT),
        (temporary_files_that_are_full, "53400", Failure.TRANSIENT),
        (nobody_listens, None, Failure.TRANSIENT),
        (a_lock_that_is_not_given, "55P03", Failure.CONFLICT),
        (two_that_wait_for_each_other, "40P01", Failure.CONFLICT),
        (two_that_cannot_be_put_in_order, "40001", Failure.CONFLICT),
        (sql("SELECT * FROM nowhere"), "42P01", Failure.HALT),
        (sql("SELECT nothing FROM pg_class"), "42703", Failure.HALT),
        (sql("SELECT nothing(1)"), "42883", Failure.HALT),
        (sql("SELECT 1 / 0"), "22012", Failure.BUG),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_the_server_says_has_its_class(
    database_url: str, provoke: Provoke, sqlstate: str | None, failure: Failure
) -> None:
    with pytest.raises(Exception) as met:
        await provoke(database_url)
    # Of a session that has ended the driver may know only that the connection is gone.
    also = {"08003", None} if sqlstate in {"25P03", "57P01"} else set[str | None]()
    assert getattr(met.value, "sqlstate", None) in {sqlstate} | also
    assert Policy().classify(met.value) is failure
