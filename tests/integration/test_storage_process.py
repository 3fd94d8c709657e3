"""The api role as a real process: bounded memory, and what a kill in the middle of an upload leaves."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from hoso_storage.housekeeping import Housekeeping
from support.storage_process import s3_of, storage_process
from support.storage_samples import form, pdf, png
from support.storage_service import headers, running, s3_bucket

CLIENTS = 8
FILE = 5_242_880


async def test_eight_uploads_at_once_need_at_most_8_mb_each(database_url: str, tmp_path: Path) -> None:
    """All but the last bytes of each are sent, then the last ones together: the worst moment is the one measured."""
    body = form(uuid4(), pdf(FILE))
    async with s3_bucket() as bucket, storage_process(database_url, tmp_path, s3_of(bucket)) as process:
        gate = asyncio.Barrier(CLIENTS)

        async def stream() -> AsyncGenerator[bytes]:
            for at in range(0, len(body) - 100, 65_536):
                yield body[at : min(at + 65_536, len(body) - 100)]
            await gate.wait()
            yield body[-100:]

        async with httpx.AsyncClient(base_url=process.url, timeout=60) as client:
            warm = await client.post("/v1/attachments", content=form(uuid4(), png()), headers=headers("p-0"))
            assert warm.status_code == 201
            idle = process.kilobytes("VmRSS")
            process.forget_peak()
            answers = await asyncio.gather(
                *(
                    client.post("/v1/attachments", content=stream(), headers=headers(f"p-{number}"))
                    for number in range(CLIENTS)
                )
            )
        peak = process.kilobytes("VmHWM")
        assert [one.status_code for one in answers] == [201] * CLIENTS
        assert len(bucket.listed()) == CLIENTS + 1
    each = (peak - idle) / 1024 / CLIENTS
    print(f"idle {idle / 1024:.1f} MB, peak {peak / 1024:.1f} MB, {each:.2f} MB a client")  # noqa: T201  # the figure
    assert each <= 8.0


CANARY = "canary-003090000001"


async def test_nothing_that_a_citizen_sends_is_in_logs_spans_or_metrics(
    database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is kept, refused and fails: file name, field, content, key, query, path and token are marked."""
    spans, said = tmp_path / "spans", headers(f"p-{CANARY}", CANARY)
    whole, empty = form(uuid4(), png()).replace(b"photo.pdf", CANARY.encode()), form(uuid4(), b"")
    bodies = (whole, form(uuid4(), CANARY.encode()), form(uuid4(), png(), f"{CANARY}!"), empty + CANARY.encode(), b"-")
    for secret in ({}, {"S3_SECRET_KEY": CANARY}):
        async with s3_bucket() as bucket:
            environment = {**s3_of(bucket), **secret, "SPANS_FILE": str(spans)}
            async with (
                storage_process(database_url, tmp_path, environment) as process,
                httpx.AsyncClient(base_url=process.url, timeout=30) as client,
            ):
                path = f"/v1/attachments?{CANARY}"
                key = {"idempotency-key": f"{CANARY}{len(secret)}"}
                answers = [await client.post(path, content=one, headers=said | key) for one in bodies]
                answers += [await client.get(f"/v1/attachments/{CANARY}", headers=said)]
                answers += [await client.get(path, headers={"authorization": f"Bearer {CANARY}"})]
                assert [one.status_code for one in answers[1:]] == [415, 422, 422, 400, 422, 405]
                assert answers[0].status_code == (503 if secret else 201)
                shown = (await client.get("/metrics")).text
        out, err = capfd.readouterr()
        assert ("object-store-failed" in out) == bool(secret)
        for seen in (out, err, shown, spans.read_text(), *(one.text for one in answers[1:])):
            assert CANARY not in seen
    assert "/v1/attachments/{attachment_id}" in spans.read_text()


async def test_a_kill_in_the_middle_of_an_upload_leaves_what_housekeeping_removes(
    database_url: str, tmp_path: Path
) -> None:
    """The object store takes the object in and never answers; then the process is killed."""
    arrived = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            arrived.set()
        writer.close()

    async with s3_bucket() as bucket, await asyncio.start_server(swallow, "127.0.0.1", 0) as hole:
        port = hole.sockets[0].getsockname()[1]
        s3 = {**s3_of(bucket), "S3_ENDPOINT": f"http://127.0.0.1:{port}"}
        async with (
            storage_process(database_url, tmp_path, s3) as process,
            httpx.AsyncClient(base_url=process.url, timeout=30) as client,
        ):
            upload = asyncio.create_task(
                client.post("/v1/attachments", content=form(uuid4(), png()), headers=headers())
            )
            await asyncio.wait_for(arrived.wait(), 10)
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                await upload
        (attachment_id,) = await ids_in(database_url, "receiving")
        await bucket.objects.put(attachment_id, png(), "image/png")  # it had arrived after all
        later = datetime.now(UTC) + timedelta(minutes=61)
        async with running(database_url, tmp_path, bucket, clock=lambda: later) as storage:
            assert await Housekeeping(storage.database, bucket.objects).sweep() == 1
            assert await storage.nothing_left()


async def ids_in(database_url: str, state: str) -> list[UUID]:
    connection = await asyncpg.connect(database_url)
    try:
        return [row["id"] for row in await connection.fetch("SELECT id FROM attachments WHERE state = $1", state)]
    finally:
        await connection.close()
