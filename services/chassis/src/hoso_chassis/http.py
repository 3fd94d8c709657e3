"""The HTTP application and server every api role has: nothing about what it is for, and no broker."""

from asyncio import CancelledError
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from json import dumps
from socket import socket
from time import perf_counter

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig
from opentelemetry.trace import SpanKind, Status, StatusCode
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hoso_chassis import description, metrics, tracing
from hoso_chassis.edge import BoundedProtocol
from hoso_chassis.health import Health
from hoso_chassis.limits import BodyLimit, Limit, is_json
from hoso_chassis.logs import Printable
from hoso_chassis.postgres import AWAY, CONFLICT
from hoso_chassis.problems import Problem, install, standard
from hoso_chassis.routes import route_template
from hoso_chassis.tokens import TokenVerifier

_log = structlog.stdlib.get_logger("hoso_chassis.http")
_PROBES = frozenset({"/livez", "/readyz", "/metrics"})
# FastAPI's own records queries, inputs and exception messages.
_NO_TELEMETRY = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False)
_FRESH = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class Observed:
    """ASGI middleware: one span and one measurement a request; an unhandled error becomes a 500 without its text.

    An error that means that the database is away, or that two transactions met, becomes 503.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        begun, status = perf_counter(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name for name, _ in message.get("headers", ())}
                message["headers"] = [*message.get("headers", ()), *(pair for pair in _FRESH if pair[0] not in names)]
            await send(message)

        method, parent = scope["method"], Headers(scope=scope).get("traceparent")
        with tracing.span(method, parent=parent, kind=SpanKind.SERVER) as span:
            try:
                failure = await self._serve(scope, receive, answer)
                if failure is not None and not status:  # after half an answer only closing tells the truth
                    await failure.response()(scope, receive, answer)
            finally:
                route, told = route_template(scope), str(status)
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                if told >= "5":
                    span.set_status(Status(StatusCode.ERROR))
                metrics.HTTP_SECONDS.record(perf_counter() - begun, method=method, route=route, status=told)

    async def _serve(self, scope: Scope, receive: Receive, answer: Send) -> Problem | None:
        if b"%00" in scope.get("query_string", b"") or "\0" in scope["path"]:
            return standard(400)  # PostgreSQL has no such character
        try:
            await self._app(scope, receive, answer)
        except CancelledError:  # the server stops and will wait no longer: this is the request's outermost frame
            return standard(503, {"retry-after": "2"})
        except (*AWAY, *CONFLICT) as error:
            _log.warning("request-unavailable", exc_info=error)
            return standard(503, {"retry-after": "2"})
        except Exception as error:  # noqa: BLE001  # the last line of defence: nothing of it may reach the caller
            _log.error("request-failed", exc_info=error)
            return standard(500)
        return None


def create_app(  # noqa: PLR0913  # the one place where they meet
    *,
    title: str,
    version: str,
    routers: Sequence[APIRouter],
    health: Health,
    verifier: TokenVerifier | None = None,
    body_limit: int = 65_536,
    body_seconds: float = 30.0,
) -> FastAPI:
    """Return the application of an api role.

    Args:
        title: of the API.
        version: of the API; stands in openapi.json.
        routers: the service's routes.
        health: answers /livez, /readyz and /metrics.
        verifier: of bearer tokens; None: every route that requires a caller answers 503.
        body_limit: bytes a body may have, unless its endpoint says otherwise (`limit_body`).
        body_seconds: seconds a body may take to arrive, unless its endpoint says otherwise.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description.ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(BodyLimit, limit=Limit(body_limit, body_seconds)), Middleware(Observed)],
        telemetry=_NO_TELEMETRY,
    )
    app.state.verifier = verifier
    install(app)
    for router in routers:
        app.include_router(router)
    app.router.routes.extend(health.routes())
    plain = app.openapi
    app.openapi = lambda: app.openapi_schema or description.complete(plain())
    return app


def openapi_json(app: FastAPI) -> str:
    """Return the API's description (OpenAPI 3.1) as text that is the same every time."""
    return dumps(app.openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


class CannotListen(Printable):
    """The address is taken or not ours."""


class Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: whoever runs it sets `should_exit`."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin to listen; raises CannotListen, where uvicorn would leave the whole process."""
        try:
            await super().startup(sockets)
        except SystemExit:
            raise CannotListen(f"{self.config.host}:{self.config.port}") from None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it does."""
        return self.servers[0].sockets[0].getsockname()[1] if self.started else 0


def server(app: ASGIApp, host: str, port: int) -> Server:
    """Return a server, ready for `serve()`; it stops within 10 s of `should_exit`."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,  # longer than proxies keep theirs, so that they close first
            timeout_graceful_shutdown=10,
        )
    )


async def json_body(request: Request) -> bytes:
    """Return the checked JSON text of a request, for routes that validate it themselves (a FastAPI dependency).

    Raises:
        Problem: 415 when it is not sent as JSON, 400 when it is not JSON or empty.
    """
    if not is_json(request.headers.get("content-type", "")):
        raise standard(415)
    body = await request.body()
    if not body:
        raise standard(400)
    return body
