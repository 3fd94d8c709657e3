"""Health: alive means the loops turn, ready means everything needed answers in time."""

import asyncio
from collections.abc import AsyncGenerator

import httpx
import pytest

from hoso_chassis.health import Health, health_app


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(ping_seconds=0.02, clock=clock)


@pytest.fixture
async def client(health: Health) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(health_app(health))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client


async def fine() -> None:
    pass


async def broken() -> None:
    raise ConnectionError("postgresql://user:secret@host")


async def hanging() -> None:
    await asyncio.Event().wait()


async def test_a_loop_that_stopped_turning_is_not_alive(
    client: httpx.AsyncClient, health: Health, clock: Clock
) -> None:
    consumer, relay = health.heartbeat("consumer", within=30), health.heartbeat("relay", within=60)
    clock.now += 31
    answer = await client.get("/livez")
    assert answer.status_code == 503
    assert answer.json()["loops"] == [
        {"name": "consumer", "ok": False, "seconds": 31.0},
        {"name": "relay", "ok": True, "seconds": 31.0},
    ]
    consumer.beat()
    relay.beat()
    assert (await client.get("/livez")).json()["ok"] is True


async def test_being_alive_does_not_depend_on_anybody_else(client: httpx.AsyncClient, health: Health) -> None:
    health.pings["database"] = broken
    assert (await client.get("/livez")).status_code == 200


async def test_one_ping_that_fails_or_hangs_is_not_ready(client: httpx.AsyncClient, health: Health) -> None:
    health.pings["objects"] = fine
    assert (await client.get("/readyz")).status_code == 200
    health.pings["database"] = broken
    health.pings["kafka"] = hanging
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "ok": False,
        "halted": None,
        "pings": [
            {"name": "objects", "ok": True, "seconds": 0.0},
            {"name": "database", "ok": False, "seconds": 0.0, "error": "ConnectionError"},
            {"name": "kafka", "ok": False, "seconds": 0.0, "error": "TimeoutError"},
        ],
    }
    assert "secret" not in answer.text


async def test_who_halted_is_neither_and_says_why(client: httpx.AsyncClient, health: Health) -> None:
    health.halted = "not allowed to read topic"
    for path in ("/livez", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["halted"]) == (503, "not allowed to read topic")


async def test_metrics_are_served(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
