"""One process: alive but not ready before its database is there, ended with 1 by what cannot go on, closed in order."""

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs

from hoso_chassis import code_version, migrations
from hoso_chassis.code_version import Standing
from hoso_chassis.database import Database
from hoso_chassis.policy import Halt
from hoso_chassis.process import Process
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings
from support.counting import Counting, CountStore
from support.waiting import until_async


@dataclass
class PretendedDatabase:
    """Opens when it is there, and has every migration."""

    there: bool = True
    opened: bool = False
    said: list[str] = field(default_factory=list[str])

    def clock(self) -> datetime:
        return datetime.now(UTC)

    async def open(self) -> None:
        if not self.there:
            raise ConnectionRefusedError
        self.opened = True

    async def ping(self) -> None:
        if not self.opened:
            raise ConnectionError

    async def close(self) -> None:
        self.said.append("database closed")

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[None]:
        yield


@pytest.fixture(autouse=True)
def migrated(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_is_newer(*_: object) -> list[Standing]:
        return []

    monkeypatch.setattr(migrations, "require_migrated", nothing_is_newer)
    monkeypatch.setattr(code_version, "require_allowed", nothing_is_newer)


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def process(database: PretendedDatabase, port: int, *resources: Any, roles: Sequence[str] = ()) -> Process:
    settings = ServiceSettings.model_validate(
        {
            "database_url": "postgresql://nobody",
            "health_port": port,
            "kafka_bootstrap_servers": "nowhere:1",
            "halt_shown_seconds": 0,
        }
    )
    parts = Parts(cast("Database", database), CountStore(), Counting().inbound, resources=resources)
    return Process(Service("counting", "1", ServiceSettings, lambda _: parts, []), settings, roles)


class HaltedConsumer:
    """Joins, and may then read nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        self.halted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def try_start(self) -> bool:
        self.halted.set_exception(Halt("reading is not allowed"))
        return True

    async def stop(self) -> None:
        raise Halt("said twice")


class LonelyConsumer(HaltedConsumer):
    """Finds no broker, ever."""

    async def try_start(self) -> bool:
        return False

    def on_turn(self) -> None:
        pass


async def status(port: int, path: str) -> int:
    """The status that the health server answers, 0 when there is none."""
    async with httpx.AsyncClient() as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}/{path}")).status_code
        except httpx.ConnectError:
            return 0


async def test_who_waits_for_its_database_lives_and_is_not_ready(port: int) -> None:
    database = PretendedDatabase(there=False)
    with capture_logs() as said:
        running = asyncio.create_task(process(database, port).run())
        await until_async(lambda: status(port, "livez"), within=10, is_=200)
        assert await status(port, "readyz") == 503
        database.there = True
        await until_async(lambda: status(port, "readyz"), within=10, is_=200)
        signal.raise_signal(signal.SIGTERM)
        assert await running == 0
    events = [one["event"] for one in said]
    assert events[events.count("waiting-for-database") :] == ["started", "stopping", "stopped"]


async def test_who_is_stopped_while_it_waits_ends_well(port: int) -> None:
    running = asyncio.create_task(process(PretendedDatabase(there=False), port).run())
    await until_async(lambda: status(port, "livez"), within=10, is_=200)
    signal.raise_signal(signal.SIGTERM)
    assert await running == 0
    assert await status(port, "livez") == 0


async def test_what_was_opened_is_closed_and_the_database_last(port: int) -> None:
    database = PretendedDatabase()

    @asynccontextmanager
    async def resource() -> AsyncGenerator[None]:
        database.said.append("resource opened")
        yield
        database.said.append("resource closed")

    running = asyncio.create_task(process(database, port, resource()).run())
    await until_async(lambda: status(port, "readyz"), within=10, is_=200)
    signal.raise_signal(signal.SIGTERM)
    assert await running == 0
    assert database.said == ["resource opened", "resource closed", "database closed"]


async def test_a_health_port_that_is_taken_ends_the_process_with_1() -> None:
    with socket.socket() as taken, capture_logs() as said:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        one = process(PretendedDatabase(), taken.getsockname()[1])
        assert await one.run() == 1
    assert str(one.health.halted).startswith("CannotListen")
    assert [entry["event"] for entry in said] == ["started", "halted", "stopping", "stopped"]


async def test_a_consumer_that_halts_ends_the_process_with_1_and_its_words(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoso_chassis.process.Consumer", HaltedConsumer)
    database = PretendedDatabase()
    one = process(database, port, roles=["worker"])
    with capture_logs() as said:
        assert await one.run() == 1
    assert one.health.halted == "reading is not allowed"
    assert [entry["event"] for entry in said if entry["event"] != "periodic-failed"] == [
        "started",
        "halted",
        "stopping",
        "stopped",
    ]
    assert database.said == ["database closed"]


async def test_who_waits_for_its_broker_ends_when_another_of_its_loops_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoso_chassis.process.Consumer", LonelyConsumer)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        one = process(PretendedDatabase(), taken.getsockname()[1], roles=["worker"])
        async with asyncio.timeout(20):
            assert await one.run() == 1
    assert str(one.health.halted).startswith("CannotListen")


async def test_a_step_of_housekeeping_that_fails_keeps_no_other_from_its_turn(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def step(name: str) -> Callable[..., Awaitable[int]]:
        async def run(*_: object) -> int:
            done.append(name)
            if name == "inbox":
                raise ValueError
            return 0

        return run

    monkeypatch.setattr("hoso_chassis.process.Consumer", LonelyConsumer)
    for place in (
        "inbox.keep_window",
        "dead_letters.forget_old",
        "work.forget_dead",
        "target_limits.forget_calls",
        "operator_actions.forget_old",
        "idempotency.forget_expired",
    ):
        monkeypatch.setattr(f"hoso_chassis.process.{place}", step(place.partition(".")[0]))
    with capture_logs() as said:
        running = asyncio.create_task(process(PretendedDatabase(), port, roles=["worker"]).run())
        await until_async(lambda: status(port, "readyz"), within=10, is_=200)
        signal.raise_signal(signal.SIGTERM)
        assert await running == 0
    assert sorted(done) == [
        "dead_letters",
        "idempotency",
        "inbox",
        "operator_actions",
        "target_limits",
        "work",
    ]
    assert "housekeeping-inbox" in [one["name"] for one in said if one["event"] == "periodic-failed"]
