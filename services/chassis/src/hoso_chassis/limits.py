"""What a request may cost before anything looks at it: size and time of its body, shape of its JSON."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, TypeVar

import pydantic_core
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hoso_chassis.problems import Problem, standard

LINGER_BYTES = 16 * 1024 * 1024  # dropped after a refusal, and not more
LINGER_SECONDS = 2.0
F = TypeVar("F", bound=Callable[..., object])
# PostgreSQL stores no NUL: an escaped one that is not itself a backslash's continuation.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Limit(NamedTuple):
    """Bytes a body may have, and seconds it may take to arrive."""

    size: int
    seconds: float


def limit_body(size: int, seconds: float = 30.0) -> Callable[[F], F]:
    """Give an endpoint a body limit of its own, in bytes and seconds (below the route decorator)."""

    def mark(endpoint: F) -> F:
        endpoint.__dict__["hoso_body_limit"] = Limit(size, seconds)
        return endpoint

    return mark


def is_json(content_type: str) -> bool:
    """Tell whether a media type is JSON (application/json or application/*+json)."""
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json"))


def check_json(body: bytes) -> None:
    """Refuse JSON that is malformed, nests deeper than 200, is no UTF-8, or holds NaN, a lone surrogate or a NUL.

    Raises:
        Problem: 400 malformed-request.
    """
    try:
        pydantic_core.from_json(body, allow_inf_nan=False, cache_strings="none")
    except ValueError:
        raise standard(400) from None
    if b"u0000" in body and _NUL.search(body):  # the second alone took 80 us for 1.5 KB
        raise standard(400)


def check_plain(headers: Headers) -> None:
    """Refuse a body that was sent in another form than it is meant in: nothing here unpacks any.

    Raises:
        Problem: 415 compressed-body.
    """
    contents = ",".join(headers.getlist("content-encoding")).lower().split(",")
    transfers = ",".join(headers.getlist("transfer-encoding")).lower().strip()
    if {name.strip() for name in contents} <= {"", "identity"} and transfers in {"", "chunked"}:
        return
    raise compressed_body()


def compressed_body() -> Problem:
    """415: a body with Content-Encoding, or with a Transfer-Encoding that is not just `chunked`."""
    return Problem(
        415,
        "compressed-body",
        ("Nội dung gửi lên đã được nén hoặc mã hóa", "The body is compressed or otherwise encoded"),
        (
            "Gửi nội dung nguyên dạng: không có Content-Encoding, Transfer-Encoding chỉ được là chunked",
            "Send it plain: without Content-Encoding, and with no Transfer-Encoding but chunked",
        ),
        headers={"accept-encoding": "identity"},  # RFC 9110, section 15.5.16
    )


class BodyLimit:
    """ASGI middleware: refuses by Content-Length, counts while reading, and hands JSON over whole and checked.

    The limit is the endpoint's (`limit_body`) or the application's. An answer given before the body was read closes the
    connection: uvicorn would otherwise take in all the rest.
    """

    def __init__(self, app: ASGIApp, limit: Limit) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (the server sends nothing else: no websocket, no lifespan)."""
        body = _Body(scope, receive, self._limit)
        closes = False

        async def answer(message: Message) -> None:
            nonlocal closes
            if message["type"] == "http.response.start" and not body.complete:
                closes = True
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            elif closes and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await body.linger()
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        await self._app(scope, body.receive, answer)


class _Body:
    """One request's body on its way in."""

    def __init__(self, scope: Scope, receive: Receive, default: Limit) -> None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
        self._scope, self._receive, self._default, self._headers = scope, receive, default, headers
        self._announced = int(length) if length.isdecimal() else 0
        self._json = is_json(headers.get("content-type", ""))
        self._size = 0
        self._deadline: float | None = None
        self.complete = length == "0"

    @property
    def _limit(self) -> Limit:
        return getattr(self._scope.get("endpoint"), "hoso_body_limit", self._default)

    async def receive(self) -> Message:
        """Return the next part, or the whole of a JSON body; raises Problem 400, 408, 413 or 415."""
        if self.complete:
            return await self._receive()
        if self._deadline is None:
            check_plain(self._headers)
        if self._announced > self._limit.size:
            raise standard(413)
        message = await self._next()
        whole = message.get("body", b"")
        while self._json and message.get("more_body", False):
            message = await self._next()
            whole += message.get("body", b"")
        if self._json and whole and message["type"] == "http.request":
            check_json(whole)
            return {"type": "http.request", "body": whole}
        return message

    async def linger(self) -> None:
        """Drop what still comes, for a while: closing on unread bytes resets the connection, and the answer is lost."""
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while size < LINGER_BYTES:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    async def _next(self) -> Message:
        self._deadline = self._deadline or asyncio.get_running_loop().time() + self._limit.seconds
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise standard(408) from None
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self._size > self._limit.size:
                raise standard(413)
            self.complete = not message.get("more_body", False)
        return message
