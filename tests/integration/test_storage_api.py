"""Uploads and reads over HTTP: what is kept, what is refused and that a refusal leaves nothing behind."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jws

from support.storage_samples import RECEIPT_KEY, form, form_of, jpeg, pdf, png
from support.storage_service import Running, bucket_of, headers, running, token

CANARY = "canary-Nguyễn-Văn-Ẩn"


@pytest.fixture(params=["memory", "s3"])
async def storage(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    async with bucket_of(request.param) as bucket, running(database_url, tmp_path, bucket) as storage:
        yield storage


@pytest.fixture
async def storage_in_memory(database_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    async with (
        bucket_of("memory") as bucket,
        running(database_url, tmp_path, bucket, files_per_subject_per_day=4) as one,
    ):
        yield one


def receipt_of(answer: dict[str, Any]) -> dict[str, Any]:
    """The claims of a receipt whose signature holds."""
    return json.loads(jws.deserialize_compact(answer["receipt"], RECEIPT_KEY, algorithms=["Ed25519"]).payload)


async def set_verdict(storage: Running, verdict: str) -> None:
    async with storage.database.connection() as connection:
        await connection.execute("UPDATE attachments SET state = 'scanned', verdict = $1, delete_after = NULL", verdict)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(pdf(), "application/pdf"), (png(), "image/png"), (jpeg(), "image/jpeg"), (pdf(5_242_880), "application/pdf")],
)
async def test_an_upload_is_kept_in_quarantine_and_receipted(storage: Running, content: bytes, media_type: str) -> None:
    draft_id, sha256 = uuid4(), hashlib.sha256(content).hexdigest()
    response = await storage.upload(content, draft_id=draft_id)
    answer = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/attachments/{answer['id']}"
    assert set(answer) == {"id", "sha256", "size", "media_type", "state", "receipt"}
    assert (answer["sha256"], answer["size"], answer["media_type"]) == (sha256, len(content), media_type)
    claims = receipt_of(answer)
    assert claims["exp"] - claims["iat"] == 30 * 86_400
    assert {name: claims[name] for name in ("attachment", "draft", "component", "sub", "sha256", "size")} == {
        "attachment": answer["id"],
        "draft": str(draft_id),
        "component": "proof-of-dwelling",
        "sub": "p-1",
        "sha256": sha256,
        "size": len(content),
    }
    assert await storage.rows() == {UUID(answer["id"]): "stored"}
    assert storage.bucket.listed() == {UUID(answer["id"])}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "422 empty-file"),
        (pdf(5_242_881), "413 file-too-large"),
        (b"<svg/>", "415 media-type-not-allowed"),
        (pdf() + b"<html>", "415 media-type-not-allowed"),
    ],
)
async def test_a_refused_file_leaves_nothing(storage: Running, content: bytes, expected: str) -> None:
    response = await storage.upload(content)
    problem = response.json()
    assert f"{response.status_code} {problem['type'].removeprefix('/problems/')}" == expected
    assert response.headers["content-type"] == "application/problem+json"
    if response.status_code == 413:
        assert response.headers.get_list("connection") == ["close"]
    assert await storage.nothing_left()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        form(uuid4(), png())[:-10],
        form_of([("component", b"x"), ("draft_id", b"x"), ("file", png())]),
        form_of([("draft_id", str(uuid4()).encode()), ("component", b"x"), ("file", png()), ("late", b"x")]),
        form_of([("draft_id", str(uuid4()).encode()), ("component", b"x\0"), ("file", png())]),
    ],
)
async def test_a_malformed_form_is_400_and_leaves_nothing(storage_in_memory: Running, body: bytes) -> None:
    response = await storage_in_memory.upload(b"", body=body)
    assert response.status_code == 400
    assert await storage_in_memory.nothing_left()


async def test_a_refusal_repeats_nothing_that_was_sent(storage_in_memory: Running) -> None:
    body = form(uuid4(), CANARY.encode(), CANARY).replace(b"photo.pdf", CANARY.encode())
    response = await storage_in_memory.upload(b"", body=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/component"
    assert "canary" not in response.text


async def test_the_file_name_is_kept_nowhere(storage_in_memory: Running) -> None:
    body = form(uuid4(), png()).replace(b"photo.pdf", CANARY.encode())
    assert (await storage_in_memory.upload(b"", body=body)).status_code == 201
    async with storage_in_memory.database.connection() as connection:
        for table in ("attachments", "idempotency", "outbox"):
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608  # fixed names
            assert "canary" not in "".join(row["row"] for row in rows)


async def test_only_a_citizen_with_a_key_uploads(storage_in_memory: Running) -> None:
    http, body = storage_in_memory.http, form(uuid4(), png())
    plain = headers()
    officer = {**plain, "authorization": f"Bearer {token('o-1', 'officer')}"}
    keyless = {name: value for name, value in plain.items() if name != "idempotency-key"}
    anonymous = {name: value for name, value in plain.items() if name != "authorization"}
    statuses = [
        (await http.post("/v1/attachments", content=body, headers=one)).status_code
        for one in (officer, keyless, anonymous)
    ]
    assert statuses == [403, 400, 401]
    assert await storage_in_memory.nothing_left()


async def test_the_same_key_and_file_get_the_same_answer_and_one_object(storage: Running) -> None:
    draft_id = uuid4()
    first = await storage.upload(png(), draft_id=draft_id, key="k-1")
    again = await storage.upload(png(), draft_id=draft_id, key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await storage.rows()) == len(storage.bucket.listed()) == 1


@pytest.mark.parametrize("change", ["content", "draft_id", "component"])
async def test_the_same_key_for_something_else_is_422(storage_in_memory: Running, change: str) -> None:
    said: dict[str, Any] = {"content": png(), "draft_id": uuid4(), "component": "proof", "key": "k-1"}
    other: dict[str, Any] = {"content": pdf(), "draft_id": uuid4(), "component": "other"}
    assert (await storage_in_memory.upload(**said)).status_code == 201
    said[change] = other[change]
    refused = await storage_in_memory.upload(**said)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert len(await storage_in_memory.rows()) == len(storage_in_memory.bucket.listed()) == 1


async def test_the_same_key_of_somebody_else_is_another_key(storage_in_memory: Running) -> None:
    first = await storage_in_memory.upload(png(), key="k-1")
    second = await storage_in_memory.upload(png(), key="k-1", subject="p-2")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


async def test_ten_times_the_same_key_at_once_is_one_upload(storage: Running) -> None:
    draft_id = uuid4()
    answers = await asyncio.gather(*(storage.upload(png(), draft_id=draft_id, key="k-1") for _ in range(6)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {201, 409}
    assert 201 in statuses
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(await storage.rows()) == len(storage.bucket.listed()) == 1
    settled = await storage.upload(png(), draft_id=draft_id, key="k-1")
    assert settled.status_code == 201


async def test_a_citizen_sends_only_so_many_files_a_day_and_a_repeat_is_none(storage_in_memory: Running) -> None:
    answers = [await storage_in_memory.upload(png(), key=f"k-{n}", draft_id=UUID(int=n)) for n in range(5)]
    assert [one.status_code for one in answers] == [201] * 4 + [429]
    assert answers[4].json()["type"] == "/problems/too-many-files-today"
    assert len(await storage_in_memory.rows()) == 4
    assert (await storage_in_memory.upload(png(), key="k-0", draft_id=UUID(int=0))).json() == answers[0].json()
    assert (await storage_in_memory.upload(png(), subject="p-2")).status_code == 201


async def test_a_draft_holds_only_so_many_files_however_they_race(database_url: str, tmp_path: Path) -> None:
    async with (
        bucket_of("memory") as bucket,
        running(database_url, tmp_path, bucket, unbound_files_per_draft=3) as storage,
    ):
        draft_id = uuid4()
        answers = await asyncio.gather(*(storage.upload(png(), draft_id=draft_id) for _ in range(6)))
        assert sorted(one.status_code for one in answers) == [201] * 3 + [429] * 3
        assert len(await storage.rows()) == len(bucket.listed()) == 3
        assert (await storage.upload(png())).status_code == 201
        assert (await storage.upload(png(), draft_id=draft_id, subject="p-2")).status_code == 201


async def test_the_owner_sees_the_facts_and_nobody_else_anything(storage_in_memory: Running) -> None:
    answer = (await storage_in_memory.upload(png())).json()
    path = f"/v1/attachments/{answer['id']}"
    mine = await storage_in_memory.get(path)
    assert mine.status_code == 200
    assert {name: mine.json()[name] for name in ("id", "sha256", "size", "media_type", "state", "verdict")} == {
        **{name: answer[name] for name in ("id", "sha256", "size", "media_type", "state")},
        "verdict": None,
    }
    for other in (path, f"{path}/content"):
        theirs = await storage_in_memory.get(other, "p-2")
        assert (theirs.status_code, theirs.json()["type"]) == (404, "/problems/not-found")
    assert (await storage_in_memory.get(f"/v1/attachments/{uuid4()}")).status_code == 404
    assert (await storage_in_memory.get("/v1/attachments/7")).status_code == 422


@pytest.mark.parametrize("state", ["receiving", "expired"])
async def test_what_is_not_whole_or_going_is_not_there(storage_in_memory: Running, state: str) -> None:
    answer = (await storage_in_memory.upload(png())).json()
    async with storage_in_memory.database.connection() as connection:
        await connection.execute("UPDATE attachments SET state = $1", state)
    assert (await storage_in_memory.get(f"/v1/attachments/{answer['id']}")).status_code == 404
    assert (await storage_in_memory.get(f"/v1/attachments/{answer['id']}/content")).status_code == 404


async def test_content_is_unreadable_before_it_is_clean_and_never_when_infected(storage: Running) -> None:
    answer = (await storage.upload(pdf(300_000))).json()
    path = f"/v1/attachments/{answer['id']}/content"
    before = await storage.get(path)
    assert (before.status_code, before.json()["type"]) == (409, "/problems/not-readable-yet")
    await set_verdict(storage, "not-scanned")
    assert (await storage.get(path)).json()["type"] == "/problems/not-readable-yet"
    await set_verdict(storage, "infected")
    assert (await storage.get(path)).json()["type"] == "/problems/infected"
    await set_verdict(storage, "clean")
    clean = await storage.get(path)
    assert (clean.status_code, clean.content) == (200, pdf(300_000))
    assert {name: clean.headers[name] for name in ("content-type", "content-disposition", "content-length")} == {
        "content-type": "application/pdf",
        "content-disposition": "attachment",
        "content-length": "300000",
    }
    assert clean.headers.get_list("x-content-type-options") == ["nosniff"]
    assert clean.headers.get_list("cache-control") == ["private, no-store"]


async def test_clean_content_that_is_gone_is_404(storage: Running) -> None:
    answer = (await storage.upload(png())).json()
    await set_verdict(storage, "clean")
    storage.bucket.remove(UUID(answer["id"]))
    assert (await storage.get(f"/v1/attachments/{answer['id']}/content")).status_code == 404
