"""SIGTERM with work in hand: it is finished and the process ends with 0; cut off, or asked twice, it loses nothing."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from hoso_chassis.database import Database
from support.consuming import send
from support.counting import refused, verified
from support.form import sized
from support.parts import parts
from support.small_process import Gate, Ground, Small, gate
from support.waiting import until_async

CUT_SHORT = 75
ROWS = sized(2_000, 100_000)
SLOWEST = 30.0
AT_ONCE = 3.0  # on a busy machine; it does nothing any more
STARTED = '"event":"started"'


@pytest.fixture
async def ground(tmp_path: Path, database_url: str, kafka: str) -> Ground:
    found = Ground(tmp_path, database_url, kafka)
    await found.migrate(1)
    return found


@pytest.fixture
async def waiting() -> AsyncGenerator[Gate]:
    async with gate() as found:
        yield found


@pytest.fixture
async def asking(ground: Ground) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(ground.database_url)
    yield connection
    await connection.close()


def gated(waiting: Gate, what: str) -> dict[str, str]:
    return {"GATE_PORT": str(waiting.port), "GATED": what}


async def post(small: Small, path: str) -> int:
    """The status; 0 when the connection ended without an answer."""
    async with httpx.AsyncClient(timeout=40) as client:
        try:
            return (await client.post(f"{small.url}/v1/{path}/{uuid4()}")).status_code
        except httpx.HTTPError:
            return 0


async def enqueue(ground: Ground) -> None:
    database = Database(ground.database_url, "/hoso/dossier", size=1)
    await database.open()
    subject = uuid4()
    async with ground.running("api") as api:
        await api.said(STARTED)
        async with httpx.AsyncClient() as client:
            assert (await client.post(f"{api.url}/v1/calls/{subject}")).status_code == 200
    await database.close()


EFFECTS = "SELECT (SELECT count(*) FROM outbox)::int"
SEEN = "SELECT coalesce(sum(seen), 0)::int FROM counts"


async def test_a_request_in_hand_is_answered_and_its_effect_kept(
    ground: Ground, waiting: Gate, asking: asyncpg.Connection
) -> None:
    async with ground.running("api", **gated(waiting, "request")) as api:
        await api.said(STARTED)
        request = asyncio.create_task(post(api, "effects"))
        await waiting.was_asked()
        api.signal()
        await api.said('"event":"stopping"')
        waiting.let_go()
        assert await request == 200
        status, seconds = await api.ended(SLOWEST)
    assert (status, seconds < 5) == (0, True)
    assert await asking.fetchval(EFFECTS) == 1


async def test_a_batch_in_hand_is_finished(ground: Ground, waiting: Gate, asking: asyncpg.Connection) -> None:
    async with ground.running("worker", **gated(waiting, "batch")) as worker:
        await worker.said('"event":"reading"')
        await send(ground.kafka, [verified() for _ in range(5)])
        await waiting.was_asked()
        worker.signal()
        await worker.said('"event":"stopping"')
        waiting.let_go()
        status, _ = await worker.ended(SLOWEST)
    assert status == 0
    assert await asking.fetchval(SEEN) == await asking.fetchval(EFFECTS) > 0


async def test_a_call_in_flight_is_finished_and_recorded(
    ground: Ground, waiting: Gate, asking: asyncpg.Connection
) -> None:
    await enqueue(ground)
    async with ground.running("worker", **gated(waiting, "call")) as worker:
        await waiting.was_asked()
        worker.signal()
        await worker.said('"event":"stopping"')
        waiting.let_go()
        status, _ = await worker.ended(SLOWEST)
    assert status == 0
    assert (await asking.fetchval("SELECT count(*) FROM work"), await asking.fetchval(EFFECTS)) == (0, 1)


async def test_a_call_that_hangs_is_cut_off_in_time_and_made_again_by_the_next(
    ground: Ground, waiting: Gate, asking: asyncpg.Connection
) -> None:
    await enqueue(ground)
    async with ground.running("worker", **gated(waiting, "call")) as worker:
        await waiting.was_asked()
        worker.signal()
        status, seconds = await worker.ended(SLOWEST)
        assert '"event":"stop-cut-short"' in worker.log.read_text()
    assert (status, seconds < SLOWEST) == (CUT_SHORT, True)
    assert await asking.fetchval("SELECT state FROM work") == "running"


async def test_a_relay_with_many_rows_stops_in_time_and_the_next_sends_the_rest(
    ground: Ground, asking: asyncpg.Connection
) -> None:
    database = Database(ground.database_url, "/hoso/dossier", size=1)
    await database.open()
    async with database.transaction() as tx:
        for _ in range(ROWS):
            tx.announce(refused(uuid4()))
    await database.close()
    for goal in (ROWS - 1, 0):
        async with ground.running("relay") as relay:
            await relay.said(STARTED)
            await until_async(lambda: asking.fetchval(EFFECTS), within=30, is_=lambda left, goal=goal: left <= goal)
            relay.signal()
            status, _ = await relay.ended(SLOWEST)
        assert status == 0


def processes_of(part: str) -> list[int]:
    """The processes of a part of the stack: PostgreSQL has one for each connection, and all of them listen."""
    address = parts()["POSTGRES_URL"].partition("@")[2] if part == "postgres" else parts()["KAFKA_BOOTSTRAP_SERVERS"]
    port = int(address.partition("/")[0].rpartition(":")[2])
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    listening = {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _has(entry, listening)]


def _has(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(file.readlink())[8:-1] in sockets for file in (process / "fd").iterdir())
    except OSError:
        return False


@pytest.mark.parametrize("part", ["postgres", "kafka"])
async def test_a_part_that_is_frozen_keeps_no_process_beyond_its_time(ground: Ground, part: str) -> None:
    """All roles at once: each may take the whole of its time."""
    async with ground.running("api") as api, ground.running("worker") as worker, ground.running("relay") as relay:
        await asyncio.gather(api.said(STARTED), worker.said('"event":"reading"'), relay.said(STARTED))
        pids = processes_of(part)
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            for one in (api, worker, relay):
                one.signal()
            ends = await asyncio.gather(*(one.ended(SLOWEST) for one in (api, worker, relay)))
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
    assert {status for status, _ in ends} <= {0, CUT_SHORT}
    assert all(seconds < SLOWEST for _, seconds in ends)


@pytest.mark.parametrize("number", sized([signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]))
@pytest.mark.parametrize("what", ["request", "batch", "call"])
async def test_a_second_signal_ends_it_at_once_and_leaves_nothing_half_done(
    ground: Ground, waiting: Gate, asking: asyncpg.Connection, what: str, number: signal.Signals
) -> None:
    if what == "call":
        await enqueue(ground)
    async with ground.running("api" if what == "request" else "worker", **gated(waiting, what)) as one:
        await one.said('"event":"reading"' if what == "batch" else STARTED)
        request = asyncio.create_task(post(one, "effects")) if what == "request" else None
        if what == "batch":
            await send(ground.kafka, [verified()])
        await waiting.was_asked()
        one.signal(number)
        await one.said('"event":"stopping"')
        one.signal(number)
        status, seconds = await one.ended(SLOWEST)
        if request is not None:
            assert await request == 0
    assert (status, seconds < AT_ONCE) == (CUT_SHORT, True)
    assert (await asking.fetchval(SEEN), await asking.fetchval(EFFECTS)) == (0, 0)


async def test_who_is_stopped_while_it_starts_beside_a_silent_broker_ends_at_once(
    ground: Ground, waiting: Gate
) -> None:
    async with ground.running("worker", KAFKA_BOOTSTRAP_SERVERS=f"127.0.0.1:{waiting.port}") as worker:
        await until_async(lambda: alive(worker), within=20)
        worker.signal()
        status, seconds = await worker.ended(SLOWEST)
    assert (status, seconds < 5) == (0, True)


async def alive(small: Small) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"{small.url}/livez")).status_code == 200
        except httpx.HTTPError:
            return False
