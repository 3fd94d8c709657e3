"""Bodies as only a real server sees them: too long, too slow, cut short, announced wrongly."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from hoso_chassis import http
from support.storage_samples import BOUNDARY, form, pdf, png
from support.storage_service import Running, bucket_of, headers, running
from support.waiting import until_async

CLOSING = f"\r\n--{BOUNDARY}--\r\n".encode()


@pytest.fixture
async def storage(database_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    async with (
        bucket_of("memory") as bucket,
        running(
            database_url, tmp_path, bucket, upload_idle_seconds=0.3, upload_seconds=5, uploads_at_once=2
        ) as storage,
    ):
        yield storage


@pytest.fixture
async def port(storage: Running) -> AsyncGenerator[int]:
    server = http.server(storage.app, "127.0.0.1", 0)
    serving = asyncio.create_task(server.serve())

    async def started() -> int:
        return server.port

    yield await until_async(started, within=10)
    server.should_exit = True
    await serving


def head(*more: str, subject: str = "p-1") -> bytes:
    lines = ["POST /v1/attachments HTTP/1.1", "host: storage", *more]
    lines += [f"{name}: {value}" for name, value in headers(subject).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def connected(port: int) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> str:
    """Everything until the server closes."""
    return (await asyncio.wait_for(reader.read(), 10)).decode()


async def exchange(port: int, *sent: bytes) -> str:
    async with connected(port) as (reader, writer):
        for piece in sent:
            writer.write(piece)
        await writer.drain()
        return await answer(reader)


async def test_the_largest_file_is_kept(storage: Running, port: int) -> None:
    body = form(uuid4(), pdf(5_242_880))
    told = await exchange(port, head(f"content-length: {len(body)}", "connection: close"), body)
    assert told.startswith("HTTP/1.1 201")
    assert len(await storage.rows()) == len(storage.bucket.listed()) == 1


@pytest.mark.parametrize("unsent", [len(CLOSING), 0])
async def test_one_byte_more_is_refused_and_the_connection_closed(storage: Running, port: int, unsent: int) -> None:
    body = form(uuid4(), pdf(5_242_881))
    told = await exchange(port, head(f"content-length: {len(body)}"), body[: len(body) - unsent])
    assert told.startswith("HTTP/1.1 413")
    assert told.lower().count("connection: close") == 1
    assert "/problems/file-too-large" in told
    assert await storage.nothing_left()


async def test_a_body_without_end_is_refused_at_the_first_byte_too_many(storage: Running, port: int) -> None:
    piece = b"x" * 65_536
    opening = form(uuid4(), b"").partition(b"application/pdf\r\n\r\n")
    taken = 0
    async with connected(port) as (reader, writer):
        writer.write(head("transfer-encoding: chunked"))
        writer.write(b"%x\r\n%b\r\n" % (len(opening[0] + opening[1]), opening[0] + opening[1]))
        refused = asyncio.create_task(reader.readline())
        try:
            while not refused.done() and taken < 64 * 1024 * 1024:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                taken += len(piece)
                await asyncio.sleep(0)
        except ConnectionError:
            pass
        assert (await refused).startswith(b"HTTP/1.1 413")
    assert taken < 32 * 1024 * 1024  # the limit, and what the two kernels' buffers hold
    assert await storage.nothing_left()


async def test_a_body_announced_as_too_large_is_refused_before_it_is_sent(storage: Running, port: int) -> None:
    told = await exchange(port, head("content-length: 99999999"))
    assert told.startswith("HTTP/1.1 413")
    assert "/problems/file-too-large" in told
    assert "connection: close" in told.lower()
    assert await storage.nothing_left()


async def test_a_body_that_stops_is_refused_after_the_longest_pause(storage: Running, port: int) -> None:
    body = form(uuid4(), png())
    told = await exchange(port, head(f"content-length: {len(body)}"), body[:-30])
    assert told.startswith("HTTP/1.1 408")
    assert told.lower().count("connection: close") == 1
    assert await storage.nothing_left()


async def test_more_announced_than_sent_is_refused_after_the_longest_pause(storage: Running, port: int) -> None:
    body = form(uuid4(), png())
    told = await exchange(port, head(f"content-length: {len(body) + 1000}"), body)
    assert told.startswith("HTTP/1.1 408")
    assert await storage.nothing_left()


@pytest.mark.parametrize("sent", [40, 0])
async def test_less_announced_than_sent_is_a_form_without_end(storage: Running, port: int, sent: int) -> None:
    body = form(uuid4(), png())
    told = await exchange(
        port, head(f"content-length: {len(body) - 40}", "connection: close"), body[: len(body) - sent]
    )
    assert told.startswith("HTTP/1.1 400")
    assert "application/problem+json" in told
    assert await storage.nothing_left()


async def test_a_body_that_trickles_is_refused_when_its_time_is_over(database_url: str, tmp_path: Path) -> None:
    async with (
        bucket_of("memory") as bucket,
        running(database_url, tmp_path, bucket, upload_idle_seconds=5, upload_seconds=0.4) as storage,
    ):
        server = http.server(storage.app, "127.0.0.1", 0)
        serving = asyncio.create_task(server.serve())

        async def started() -> int:
            return server.port

        async with connected(await until_async(started, within=10)) as (reader, writer):
            writer.write(head("content-length: 5000"))
            refused = asyncio.create_task(reader.readline())
            while not refused.done():
                writer.write(b"-")
                await asyncio.wait({refused}, timeout=0.05)
            assert (await refused).startswith(b"HTTP/1.1 408")
        server.should_exit = True
        await serving
        assert await storage.nothing_left()


async def test_a_body_cut_short_leaves_nothing_and_no_traceback(
    storage: Running, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = form(uuid4(), pdf(1_000_000))
    for sent in (body[:50], body[:500_000], body[:-10]):
        async with connected(port) as (_, writer):
            writer.write(head(f"content-length: {len(body)}") + sent)
            await writer.drain()
    assert (await storage.upload(png())).status_code == 201  # both places are free again
    await until_async(lambda: free(port), within=5)
    assert len(await storage.rows()) == len(storage.bucket.listed()) == 1
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


async def free(port: int) -> bool:
    """Whether the server takes a whole upload."""
    body = form(uuid4(), b"")
    told = await exchange(port, head(f"content-length: {len(body)}", "connection: close"), body)
    return told.startswith("HTTP/1.1 422")


async def test_a_slow_citizen_keeps_no_place_from_the_others_for_long(port: int) -> None:
    body = form(uuid4(), png())
    async with connected(port) as (_, one), connected(port) as (_, other):
        for writer in (one, other):
            writer.write(head(f"content-length: {len(body)}", subject="p-slow") + body[:50])
            await writer.drain()
        told = await exchange(port, head(f"content-length: {len(body)}", "connection: close", subject="p-2"), body)
    assert told.startswith("HTTP/1.1 201")
