"""Speaks HTTP byte by byte, as no client library would, and reads every answer with its framing."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from starlette.types import ASGIApp

from hoso_chassis import http
from hoso_chassis.edge import BoundedProtocol
from support.waiting import until_async

STILL_THERE = b"GET /livez HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its framing undone."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The header's values, in one."""
        return ", ".join(value for given, value in self.headers if given == name)

    @property
    def told(self) -> str:
        """Status and slug of the problem; the slug is empty when it is none."""
        if self.header("content-type") != "application/problem+json" or not self.body:
            return f"{self.status} "
        return f"{self.status} {json.loads(self.body)['type'].removeprefix('/problems/')}"

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return "close" in self.header("connection").lower()


@dataclass(slots=True)
class Talk:
    """One connection.

    Attributes:
        heads_only: the requests are HEAD, whose answers have no body.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heads_only: bool = False

    async def send(self, *parts: bytes) -> None:
        """Send what the server still takes."""
        with suppress(ConnectionError):
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()

    def has_answer(self) -> bool:
        """Whether something came that is not read yet."""
        return bool(self.reader._buffer)  # type: ignore[attr-defined]  # asyncio tells it in no other way

    async def answer(self) -> Answer | None:
        """Read the next answer that is not an interim one; None when the server closes instead."""
        while True:
            head = await self._until(b"\r\n\r\n")
            if head is None:
                return None
            first, *lines = head[:-4].decode("latin-1").split("\r\n")
            assert first.startswith("HTTP/1.1 "), f"no status line: {first[:80]!r}"
            status = int(first.split(" ")[1])
            if status >= 200:
                headers = tuple((n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines))
                return Answer(status, headers, await self._body(status, dict(headers)))

    async def _body(self, status: int, headers: dict[str, str]) -> bytes:
        if self.heads_only or status in _BODILESS:
            return b""
        if "content-length" in headers:
            return await self._exactly(int(headers["content-length"]))
        assert headers.get("transfer-encoding") == "chunked", "an answer without framing"
        body = b""
        while size := int((await self._until(b"\r\n") or b"0")[:-2], 16):
            body += (await self._exactly(size + 2))[:-2]
        await self._exactly(2)
        return body

    async def _until(self, mark: bytes) -> bytes | None:
        try:
            found = await self.reader.readuntil(mark)
        except asyncio.IncompleteReadError as end:
            if end.partial:
                raise AssertionError(f"half an answer: {end.partial[:80]!r}") from None
            return None
        except ConnectionError:
            return None
        return found

    async def _exactly(self, size: int) -> bytes:
        return await self.reader.readexactly(size)


async def connect(port: int) -> Talk:
    """A connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return Talk(reader, writer)


@asynccontextmanager
async def connected(port: int, *, heads_only: bool = False) -> AsyncGenerator[Talk]:
    """A connection, closed afterwards."""
    talk = await connect(port)
    talk.heads_only = heads_only
    try:
        yield talk
    finally:
        talk.writer.close()
        with suppress(ConnectionError):
            await talk.writer.wait_closed()


async def exchange(
    port: int, parts: Sequence[bytes], *, answers: int = 1, heads_only: bool = False, within: float = 20
) -> list[Answer]:
    """Send the parts while the server takes them, and return so many answers, or fewer when the server closes.

    A connection that is left open is asked for one thing more, which must be answered and be the last: so nothing of
    what was sent was taken for a further request.
    """
    found: list[Answer] = []
    async with asyncio.timeout(within), connected(port, heads_only=heads_only) as talk:
        sending = asyncio.create_task(talk.send(*parts))
        while len(found) < answers and (answer := await talk.answer()) is not None:
            found.append(answer)
        if found and not found[-1].closes:
            await sending
            await talk.send(STILL_THERE)
            talk.heads_only = False
            last = await talk.answer()
            assert last, "closed without a word"
            assert (last.status, last.closes) == (200, True), f"out of step: {last}"
        assert await talk.answer() is None, "one answer too many"
        sending.cancel()
    return found


@asynccontextmanager
async def listening(app: ASGIApp, protocol: type[BoundedProtocol] = BoundedProtocol) -> AsyncGenerator[http.Server]:
    """Serve the application as an api role does, and yield the server, which listens."""
    server = http.server(app, "127.0.0.1", 0)
    server.config.http = protocol
    serving = asyncio.create_task(server.serve())

    async def port() -> int:
        return server.port

    try:
        await until_async(port, within=10)
        yield server
    finally:
        server.should_exit = True
        await serving
