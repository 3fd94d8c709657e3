"""Whether the process lives and is ready, as plain routes; it asks what it was given and decides nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hoso_chassis import metrics
from hoso_chassis.problems import standard

Ping = Callable[[], Awaitable[object]]

_UNAVAILABLE = 503
_PATHS = frozenset({"/livez", "/readyz", "/metrics"})


@dataclass(slots=True)
class Heartbeat:
    """A loop's sign of life: alive while the `last` beat is at most `within` seconds old."""

    within: float
    clock: Callable[[], float]
    last: float

    def beat(self) -> None:
        """Say that the loop turned, paused or not."""
        self.last = self.clock()


@dataclass(slots=True)
class Health:
    """What this process consists of: pings of what it needs (readiness), heartbeats of its loops (liveness).

    Attributes:
        ping_seconds: longest time a ping may take.
        halted: why the process stopped working for good, without any value, or None.
        pings: asked on every /readyz; one that raises or is late is a failure.
    """

    ping_seconds: float = 2.0
    clock: Callable[[], float] = monotonic
    halted: str | None = None
    pings: dict[str, Ping] = field(default_factory=dict[str, Ping])
    heartbeats: dict[str, Heartbeat] = field(default_factory=dict[str, Heartbeat])

    def heartbeat(self, name: str, within: float) -> Heartbeat:
        """Register a loop that promises to beat at least every `within` seconds."""
        return self.heartbeats.setdefault(name, Heartbeat(within, self.clock, self.clock()))

    async def _ask(self, name: str, call: Ping) -> dict[str, object]:
        started, error = self.clock(), None
        try:
            async with asyncio.timeout(self.ping_seconds):
                await call()
        except Exception as failure:  # noqa: BLE001  # whatever is wrong with it, it is not ready
            error = type(failure).__name__
        told: dict[str, object] = {"name": name, "ok": error is None, "seconds": round(self.clock() - started, 4)}
        return told | ({"error": error} if error else {})

    async def livez(self, _request: Request) -> Response:
        """200 while every loop turns and nothing halted, else 503."""
        ages = [(name, self.clock() - beat.last, beat.within) for name, beat in self.heartbeats.items()]
        loops: list[dict[str, object]] = [
            {"name": name, "ok": age <= within, "seconds": round(age, 3)} for name, age, within in ages
        ]
        return self._answer("loops", loops)

    async def readyz(self, _request: Request) -> Response:
        """200 while every ping answers in time and nothing halted, else 503."""
        asked = (self._ask(name, call) for name, call in self.pings.items())
        return self._answer("pings", await asyncio.gather(*asked))

    def _answer(self, what: str, checks: list[dict[str, object]]) -> Response:
        ok = self.halted is None and all(check["ok"] for check in checks)
        body = {"ok": ok, "halted": self.halted, what: checks}
        return JSONResponse(body, 200 if ok else _UNAVAILABLE, headers={"cache-control": "no-store"})

    def routes(self) -> list[Route]:
        """Return /livez, /readyz and /metrics for any application."""
        return [
            Route("/livez", self.livez, include_in_schema=False),
            Route("/readyz", self.readyz, include_in_schema=False),
            Route("/metrics", _scrape, include_in_schema=False),
        ]


async def _scrape(_request: Request) -> Response:
    return Response(metrics.render(), headers={"content-type": metrics.CONTENT_TYPE})


def refusing_while_halted(app: ASGIApp, health: Health) -> ASGIApp:
    """Let an application answer until the process halts; from then on only the routes of its health."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if health.halted is None or scope["type"] != "http" or scope["path"] in _PATHS:
            await app(scope, receive, send)
        else:
            await standard(_UNAVAILABLE, {"Connection": "close"}).response()(scope, receive, send)

    return answer


def health_app(health: Health) -> Starlette:
    """Return the small application that the worker and relay roles serve."""
    return Starlette(routes=health.routes())
