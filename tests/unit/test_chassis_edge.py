"""The server's edges on a real socket: what is refused before it is a request, and what a refusal leaves behind."""

import asyncio
import io
import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, suppress

import pytest
import pytest_asyncio
import structlog
import uvloop
from fastapi import APIRouter, Request
from pydantic import BaseModel

from hoso_chassis import limits, logs
from hoso_chassis.edge import HEAD_BYTES, READ_BYTES, BoundedProtocol
from hoso_chassis.health import Health, health_app
from hoso_chassis.http import CannotListen, Server, create_app, server
from hoso_chassis.limits import limit_body
from support.raw_http import listening
from support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = "content-type: application/json\r\n"
MIB = 1024 * 1024


class Name(BaseModel):
    name: str


def api(body_seconds: float = 30.0) -> APIRouter:
    router = APIRouter()

    @router.post("/names")
    async def name(body: Name) -> Name:
        return body

    @router.post("/uploads")
    @limit_body(200_000, seconds=body_seconds)
    async def upload(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    @router.post("/broken")
    async def fail() -> None:
        raise ValueError

    return router


class Impatient(BoundedProtocol):
    head_seconds = 0.05


def serving(protocol: type[BoundedProtocol], body_seconds: float = 30.0) -> AbstractAsyncContextManager[Server]:
    """The small API on a port, ended with the block."""
    app = create_app(title="t", version="1", routers=[api(body_seconds)], health=Health(), body_limit=1000)
    return listening(app, protocol)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncGenerator[Server]:
    async with serving(BoundedProtocol) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def impatient() -> AsyncGenerator[Server]:
    async with serving(Impatient, 0.05) as server:
        yield server


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits shortly for the rest of a body that it refused."""
    monkeypatch.setattr(limits, "LINGER_SECONDS", 0.1)


@pytest.fixture
def logged() -> Generator[io.BytesIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "excepthook", sys.excepthook)
        patch.setattr(threading, "excepthook", threading.excepthook)
        patch.setattr(warnings, "showwarning", warnings.showwarning)
        logs.configure("t", "api", "info", stream)
        yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()


class Answer:
    """A raw answer, read to its end."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.lines = head.decode().lower().split("\r\n")
        self.status = int(self.lines[0].split()[1]) if head else 0

    @property
    def slug(self) -> str:
        assert "content-type: application/problem+json" in self.lines
        return json.loads(self.body)["type"].removeprefix("/problems/")

    @property
    def closes(self) -> bool:
        return "connection: close" in self.lines


async def exchange(port: int, *parts: bytes) -> Answer:
    """Send the parts while the server takes them, read at the same time, and return the answer once it has closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def send() -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    sending = asyncio.create_task(send())
    raw = b""
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            raw += chunk
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    return Answer(raw)


def post(path: str, headers: str, body: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xc4\x91 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /names HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /names HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /names HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_400_problem(running: Server, request_bytes: bytes) -> None:
    answer = await exchange(running.port, request_bytes)
    assert (answer.status, answer.slug, answer.closes) == (400, "malformed-request", True)


async def test_an_endless_header_is_refused_early(running: Server) -> None:
    begin = b"GET / HTTP/1.1\r\nhost: x\r\nx-long: "
    answer = await exchange(running.port, begin, *[b"a" * MIB] * 100)
    assert (answer.status, answer.slug, answer.closes) == (431, "headers-too-large", True)


@pytest.mark.parametrize("head", [b"x-long: " + b"a" * HEAD_BYTES + b"\r\n", b"x-a: b\r\n" * (HEAD_BYTES // 8)])
async def test_headers_too_large_in_one_piece_are_refused(running: Server, head: bytes) -> None:
    answer = await exchange(running.port, b"GET / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n")
    assert (answer.status, answer.slug, answer.closes) == (431, "headers-too-large", True)


async def test_headers_just_below_the_limit_are_served(running: Server) -> None:
    head = b"x-long: " + b"a" * (HEAD_BYTES - 100) + b"\r\nconnection: close\r\n"
    answer = await exchange(running.port, b"GET / HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n")
    assert (answer.status, answer.slug) == (404, "not-found")


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nhost:", b"G"])
async def test_a_head_that_dawdles_is_a_408_problem(impatient: Server, begun: bytes) -> None:
    answer = await exchange(impatient.port, begun)
    assert (answer.status, answer.slug, answer.closes) == (408, "request-timeout", True)


@pytest.mark.parametrize("begun", [b"", b"\r\n\r\n"])
async def test_a_connection_that_says_nothing_is_closed(impatient: Server, begun: bytes) -> None:
    assert (await exchange(impatient.port, begun)).status == 0


async def test_a_second_head_that_dawdles_is_a_408_problem(impatient: Server) -> None:
    answer = await exchange(impatient.port, b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /livez HTT")
    assert answer.status == 200
    assert b"/problems/request-timeout" in answer.body


async def test_a_body_and_the_next_head_in_one_piece_are_two_requests(running: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(post("/uploads", "content-length: 60001\r\nexpect: 100-continue\r\n", b"a"))
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"a" * 60_000 + b"GET /livez HT")
    assert (await reader.readuntil(b"60001")).startswith(b"HTTP/1.1 200")
    writer.write(b"TP/1.1\r\nhost: x\r\n\r\n")
    assert (await reader.readuntil(b'"loops":[]')).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_body_is_refused_by_its_announced_length_before_it_is_read(running: Server) -> None:
    answer = await exchange(running.port, post("/names", f"{JSON}content-length: 1001\r\n"))
    assert (answer.status, answer.slug, answer.closes) == (413, "body-too-large", True)


async def test_a_chunked_body_is_counted_while_it_is_read(running: Server) -> None:
    chunk = b"1f4\r\n" + b" " * 500 + b"\r\n"
    answer = await exchange(running.port, post("/names", f"{JSON}transfer-encoding: chunked\r\n"), chunk, chunk, chunk)
    assert (answer.status, answer.slug, answer.closes) == (413, "body-too-large", True)


async def test_an_endpoint_may_have_a_limit_of_its_own(running: Server) -> None:
    large = post("/uploads", "content-length: 200001\r\n")
    assert (await exchange(running.port, large)).slug == "body-too-large"
    fits = post("/uploads", "content-length: 200000\r\nconnection: close\r\n", b"a" * 200_000)
    assert (await exchange(running.port, fits)).body == b"200000"


async def test_100_mb_are_not_taken_in_after_a_refusal(running: Server) -> None:
    sent = 0

    async def send(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        for _ in range(100):
            writer.write(b"a" * MIB)
            await writer.drain()
            sent += 1

    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(post("/uploads", f"content-length: {100 * MIB}\r\n"))
    sending = asyncio.create_task(send(writer))
    answer = Answer(await reader.readuntil(b"}"))
    with pytest.raises(ConnectionError):
        await sending
    writer.close()
    assert (answer.status, answer.closes) == (413, True)
    assert sent < 40, "the 16 MB that a refusal lingers for and the kernel's buffers, and not more"


@pytest.mark.parametrize(
    ("path", "slug"), [("/nowhere", "not-found"), ("/broken", "internal-error"), ("/%00", "malformed-request")]
)
@pytest.mark.usefixtures("logged")
async def test_a_body_that_nobody_wants_is_not_taken_in(running: Server, path: str, slug: str) -> None:
    answer = await exchange(running.port, post(path, f"content-length: {100 * MIB}\r\n"))
    assert (answer.slug, answer.closes) == (slug, True)


async def test_whoever_sends_all_before_reading_still_reads_the_refusal(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LINGER_SECONDS", 20.0)
    body = b"x" * (5 * MIB)
    head = f"POST /uploads HTTP/1.1\r\nhost: t\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head + body)
        await writer.drain()  # raises ConnectionResetError where the server closed on unread bytes
        assert (await reader.read()).startswith(b"HTTP/1.1 413 ")
        writer.close()
        await writer.wait_closed()


async def test_a_body_that_dawdles_is_a_408_problem(impatient: Server) -> None:
    answer = await exchange(impatient.port, post("/uploads", "content-length: 1000\r\n", b"a"))
    assert (answer.status, answer.slug, answer.closes) == (408, "request-timeout", True)


@pytest.mark.parametrize("path", ["/names", "/uploads"])
async def test_a_truncated_body_leaves_nothing_behind(running: Server, path: str, logged: io.BytesIO) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(post(path, f"{JSON}content-length: 1000\r\n", b"a"))
    await writer.drain()
    writer.close()
    await exchange(running.port, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")

    async def is_idle() -> bool:
        return not running.server_state.tasks and not running.server_state.connections

    await until_async(is_idle, within=5)
    assert logged.getvalue() == b""


async def test_an_upgrade_to_a_websocket_is_an_ordinary_request(running: Server) -> None:
    head = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(head)
    assert b"200 OK" in await reader.readline()
    writer.close()


async def test_the_server_names_no_product_and_stops_while_a_connection_idles(running: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert "server:" not in head
    assert "date:" in head
    writer.close()


async def test_a_request_in_hand_when_the_server_stops_is_told_to_come_again(logged: io.BytesIO) -> None:
    async with serving(BoundedProtocol) as running:
        running.config.timeout_graceful_shutdown = 0
        answering = asyncio.create_task(exchange(running.port, post("/uploads", "content-length: 1000\r\n", b"a")))

        async def is_in_hand() -> bool:
            return bool(running.server_state.tasks)

        await until_async(is_in_hand, within=5)
    answer = await answering
    assert (answer.status, answer.slug, answer.closes) == (503, "unavailable", True)
    assert b"Exception" not in logged.getvalue()


async def test_an_address_that_is_taken_is_said(running: Server) -> None:
    second = server(health_app(Health()), "127.0.0.1", running.port)
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{running.port}"):
        await second.serve()


TRAILERS = b"content-type: text/plain\r\nx-note: a\r\n"


async def test_a_trailer_is_no_header(running: Server) -> None:
    body = b'f\r\n{"name": "a"}  \r\n0\r\n'
    head = "transfer-encoding: chunked\r\nconnection: close\r\n"
    answer = await exchange(running.port, post("/names", head, body + JSON.encode() + b"\r\n"))
    assert (answer.status, answer.slug) == (415, "unsupported-media-type")
    answer = await exchange(running.port, post("/names", JSON + head, body + TRAILERS + b"\r\n"))
    assert answer.status == 200


@pytest.mark.parametrize(
    "around", [b"1;" + b"a" * MIB, b"0\r\nx-note: " + b"a" * MIB, b"0\r\n" + b"x: a\r\n" * 200_000]
)
async def test_what_is_around_a_body_is_bounded(running: Server, around: bytes) -> None:
    answer = await exchange(running.port, post("/names", f"{JSON}transfer-encoding: chunked\r\n"), *[around] * 20)
    assert (answer.status, answer.slug, answer.closes) == (400, "malformed-request", True)


async def test_a_body_in_single_bytes_is_taken(running: Server) -> None:
    head = "transfer-encoding: chunked\r\nconnection: close\r\n"
    answer = await exchange(running.port, post("/uploads", head, b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n"))
    assert answer.body == b"40000"


GOOD = post("/names", f"{JSON}content-length: 13\r\n", b'{"name": "a"}')


@pytest.mark.parametrize(
    ("broken", "slug"),
    [
        (b"garbage\r\n\r\n", "malformed-request"),
        (b"GET / HTTP/1.1\r\nx-long: " + b"a" * HEAD_BYTES + b"\r\n\r\n", "headers-too-large"),
        (post("/names", "transfer-encoding: chunked\r\n", b"zz\r\n"), "malformed-request"),
    ],
)
async def test_a_refusal_waits_for_the_answers_before_it(running: Server, broken: bytes, slug: str) -> None:
    answer = await exchange(running.port, GOOD + GOOD + broken + GOOD)
    assert answer.status == 200
    assert answer.body.count(b"HTTP/1.1 200 ") == 1
    assert answer.body.count(b"HTTP/1.1 4") == 1
    assert answer.body.endswith(b"}")
    assert f'"/problems/{slug}"'.encode() in answer.body


async def test_a_wish_for_another_protocol_takes_no_body_away(running: Server) -> None:
    wish = f"{JSON}connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\ncontent-length: 13\r\n"
    for pieces in ([post("/names", wish), b'{"name": "a"}'], [post("/names", wish, b'{"name": "a"}')]):
        answer = await exchange(running.port, *pieces, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert answer.status == 200
        assert answer.body.count(b"HTTP/1.1 ") == 1
        assert b'"name"' in answer.body


async def test_whoever_sends_a_huge_head_before_reading_still_reads_the_refusal(running: Server) -> None:
    for _ in range(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nx-long: " + b"a" * (4 * MIB))
        await writer.drain()
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "head",
    ["content-encoding: gzip\r\ncontent-length: 2\r\n", "transfer-encoding: gzip, chunked\r\n"],
)
async def test_a_compressed_body_is_refused_unread(running: Server, head: str) -> None:
    answer = await exchange(running.port, post("/names", JSON + head))
    assert (answer.status, answer.slug, answer.closes) == (415, "compressed-body", True)
    assert "accept-encoding: identity" in answer.lines


async def test_a_body_that_its_answer_did_not_need_does_not_stop_the_connection() -> None:
    async with listening(health_app(Health())) as bare:
        reader, writer = await asyncio.open_connection("127.0.0.1", bare.port)
        writer.write(post("/livez", f"content-length: {4 * MIB}\r\n", b"a" * 100_000))
        assert b"405" in await reader.readline()
        writer.write(b"a" * (4 * MIB - 100_000) + b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"200 OK")
        writer.close()


async def test_a_read_of_the_socket_is_small() -> None:
    """A thousand clients are each read once before any is heard."""
    reads: list[int] = []

    class Watched(BoundedProtocol):
        def data_received(self, data: bytes) -> None:
            reads.append(len(data))
            super().data_received(data)

    whole = post("/uploads", "content-length: 150000\r\nconnection: close\r\n", b"a" * 150_000)
    async with serving(Watched) as running:
        answer = await exchange(running.port, whole)
    assert answer.body == b"150000"
    assert max(reads) <= READ_BYTES


async def test_wishes_for_another_protocol_in_one_read_are_parsed_one_after_the_other() -> None:
    """585 of them fit into one read, and each had been a call within the call before."""
    depths: list[int] = []

    class Watched(BoundedProtocol):
        def on_headers_complete(self) -> None:
            depths.append(len(traceback.extract_stack()))
            super().on_headers_complete()

    wish = b"GET /livez HTTP/1.1\r\nhost:a\r\nupgrade:a\r\nconnection:upgrade\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    async with serving(Watched) as running:
        answer = await exchange(running.port, wish * 50 + last)
    assert answer.status == 200
    assert answer.body.count(b"HTTP/1.1 200 ") == 50
    assert len(set(depths)) == 1


async def test_a_loop_whose_reads_have_no_size_to_set_serves_as_well() -> None:
    async def asked() -> int:
        async with asyncio.timeout(10), serving(BoundedProtocol) as running:
            answer = await exchange(running.port, b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return answer.status

    def in_uvloop() -> int:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(asked())

    assert await asyncio.to_thread(in_uvloop) == 200
