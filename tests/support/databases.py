"""What can happen to PostgreSQL under a scene: restarted, killed, all its sessions ended, its disk full."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Final

import asyncpg
import httpx

from hoso_stack.supervisor import read_status
from support.disks import Disk
from support.hits import Hit, kill, pid_of
from support.scene import Scene
from support.waiting import until_async

_END_ALL: Final = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_BETWEEN: Final = 0.3  # seconds between two looks at who is connected, or at what is free on the disk
_UNAVAILABLE: Final = 503
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def restart(on: Scene, how: signal.Signals) -> Hit:
    """End the server so, while people wait for answers; it is back when this returns."""
    pid = pid_of(on.stack.env(), "postgres")
    assert pid is not None
    in_hand = await until_async(partial(on.hitter.hands.look, "postgres", pid), within=30)
    at = monotonic()
    kill(pid, how)
    await until_async(partial(_is_another, on, pid), within=90)
    return _noted(on, Hit("postgres", how.name, in_hand, at, monotonic()))


async def _is_another(on: Scene, before: int) -> bool:
    status: dict[str, Any] = read_status(on.stack.folder) or {}
    seen = status["parts"]["postgres"]
    return seen["state"] == "ready" and seen["pid"] not in (None, before)


async def end_sessions(on: Scene, seconds: float) -> Hit:
    """End every session of everybody, again and again for so long."""
    in_hand, at, ended = await on.hitter.hands.look("postgres", 0), monotonic(), 0
    admin = await asyncpg.connect(on.stack.env()["POSTGRES_URL"])
    try:
        while monotonic() < at + seconds:
            ended += await admin.fetchval(_END_ALL)
            await asyncio.sleep(_BETWEEN)
    finally:
        admin.terminate()
    assert ended, "nobody was connected"
    return _noted(on, Hit("postgres", f"{ended} sessions ended", in_hand, at, monotonic()))


async def fill_disk(on: Scene, disk: Disk, refusals: "Refusals", seconds: float) -> Hit:
    """Leave no room where it writes, for so long and until somebody was refused."""
    in_hand, at, before = await on.hitter.hands.look("postgres", 0), monotonic(), refusals.count()
    try:
        while monotonic() < at + seconds or refusals.count() == before:
            disk.fill()
            assert monotonic() < at + seconds + 60, "a full disk kept nobody from anything"
            await asyncio.sleep(_BETWEEN)
    finally:
        disk.empty()
    refused = refusals.count() - before
    return _noted(on, Hit("postgres", f"disk full, {refused} requests refused", in_hand, at, monotonic()))


def _noted(on: Scene, hit: Hit) -> Hit:
    on.hitter.hits.append(hit)
    return hit


@dataclass(slots=True)
class Refusals(httpx.AsyncBaseTransport):
    """Carries requests, and remembers how they were told "not now".

    Attributes:
        told: 503s with a time to wait, by route.
        mute: 503s without one.
    """

    inner: httpx.AsyncBaseTransport
    told: Counter[str] = field(default_factory=Counter[str])
    mute: Counter[str] = field(default_factory=Counter[str])

    def count(self) -> int:
        """How many in all."""
        return self.told.total() + self.mute.total()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it once."""
        answer = await self.inner.handle_async_request(request)
        if answer.status_code == _UNAVAILABLE:
            kinds = self.told if answer.headers.get("Retry-After", "").isdecimal() else self.mute
            kinds[f"{request.method} {_ID.sub('{id}', request.url.path)}"] += 1
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


@asynccontextmanager
async def watched_refusals(on: Scene) -> AsyncGenerator[Refusals]:
    """Refusals of everybody's requests on the scene, while the block lasts."""
    refusals = on.clients.inner = Refusals(on.clients.inner)
    try:
        yield refusals
    finally:
        on.clients.inner = refusals.inner
