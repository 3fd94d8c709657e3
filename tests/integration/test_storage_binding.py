"""From a submitted dossier to verdicts, through the chassis' own batches and work, on a real database."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from hoso_chassis import positions
from hoso_chassis.batch import Batches
from hoso_chassis.breaker import Breaker
from hoso_chassis.consequences import Work
from hoso_chassis.dead_work import Revival
from hoso_chassis.performer import Performer
from hoso_contracts.dossier import AttachmentReference, DossierSubmitted
from hoso_storage.app import service
from hoso_storage.domain import DraftFiles
from hoso_storage.handlers import SCAN, ScanOrder
from support.counting import record
from support.storage_samples import png
from support.storage_service import Running, bucket_of, running
from support.waiting import until_async

FIRST = ("dossier.lifecycle.v1", 0)


@pytest.fixture(params=["memory", "s3"])
async def storage(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncGenerator[Running]:
    async with bucket_of(request.param) as bucket, running(database_url, tmp_path, bucket) as storage:
        yield storage


def submitted(dossier_id: UUID, *references: tuple[UUID, str]) -> DossierSubmitted:
    return DossierSubmitted(
        dossier_id=dossier_id,
        code="G01.999.000.000-261124-0001",
        procedure="1.004194",
        case="individual",
        agency="G01.999.901",
        channel="online",
        submitted_at=datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
        attachments=tuple(
            AttachmentReference(attachment_id=key, component="proof", sha256=sha256) for key, sha256 in references
        ),
    )


async def take(storage: Running, *events: DossierSubmitted) -> None:
    """Take events in as one batch, from where the position stands."""
    parts = storage.parts
    async with storage.database.connection() as connection:
        await positions.begin(connection, service.group, {FIRST: 0})
        expected = await positions.load(connection, service.group, [FIRST])
    records = [record(one, expected[FIRST] + at, topic=FIRST[0]) for at, one in enumerate(events)]
    await Batches(parts.database, service.group, parts.inbound, parts.store, parts.policy).take(records, expected)


async def perform(storage: Running) -> None:
    """Do the work that there is."""
    parts = storage.parts
    (kind,) = parts.kinds
    performer: Performer[DraftFiles] = Performer(parts.database, kind, parts.store, Breaker(kind.target))

    async def left() -> int:
        async with storage.database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM work WHERE state <> 'dead'")

    running_ = asyncio.create_task(performer.run())
    await until_async(left, within=20, is_=0)
    performer.stop()
    await running_


async def announced(storage: Running) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of everything in the outbox, in order."""
    async with storage.database.connection() as connection:
        rows: Sequence[Any] = await connection.fetch("SELECT type, value FROM outbox ORDER BY position")
    return [
        (row["type"].removeprefix("hoso.attachment.").removesuffix(".v1"), json.loads(row["value"])) for row in rows
    ]


async def dead_letters(storage: Running) -> int:
    async with storage.database.connection() as connection:
        return await connection.fetchval("SELECT count(*) FROM dead_letters")


async def test_bound_files_are_told_and_then_their_verdicts(storage: Running) -> None:
    draft_id = uuid4()
    answers = [(await storage.upload(png(), draft_id=draft_id)).json() for _ in range(3)]
    references = [(UUID(one["id"]), one["sha256"]) for one in answers[:2]]
    await take(storage, submitted(draft_id, *references))
    assert [kind for kind, _ in await announced(storage)] == ["stored", "stored"]
    await perform(storage)
    told = await announced(storage)
    assert [kind for kind, _ in told] == ["stored", "stored", "scanned", "scanned"]
    assert [data["attachment_id"] for _, data in told] == [answers[at]["id"] for at in (0, 1, 0, 1)]
    assert {data.get("verdict") for _, data in told[2:]} == {"not-scanned"}
    assert (await storage.rows())[UUID(answers[2]["id"])] == "stored"
    facts = (await storage.get(f"/v1/attachments/{answers[0]['id']}")).json()
    assert (facts["state"], facts["verdict"]) == ("scanned", "not-scanned")
    content = await storage.get(f"/v1/attachments/{answers[0]['id']}/content")
    assert content.json()["type"] == "/problems/not-readable-yet"


async def test_the_same_dossier_again_tells_nothing_more(storage: Running) -> None:
    draft_id = uuid4()
    one = (await storage.upload(png(), draft_id=draft_id)).json()
    event = submitted(draft_id, (UUID(one["id"]), one["sha256"]), (uuid4(), "a" * 64))
    await take(storage, event)
    await take(storage, event, event)  # other envelopes, as if a producer had sent it anew
    assert sorted(kind for kind, _ in await announced(storage)) == ["expired", "stored"]
    await perform(storage)
    await take(storage, event)
    assert sorted(kind for kind, _ in await announced(storage)) == ["expired", "scanned", "stored"]
    assert await dead_letters(storage) == 0


async def test_files_that_are_gone_or_different_or_of_another_draft_expire(storage: Running) -> None:
    draft_id = uuid4()
    mine = (await storage.upload(png(), draft_id=draft_id)).json()
    other = (await storage.upload(png())).json()
    references = [(uuid4(), "a" * 64), (UUID(mine["id"]), "b" * 64), (UUID(other["id"]), other["sha256"])]
    await take(storage, submitted(draft_id, *references))
    told = await announced(storage)
    assert [kind for kind, _ in told] == ["expired"] * 3
    assert [data["attachment_id"] for _, data in told] == [str(key) for key, _ in references]
    assert set((await storage.rows()).values()) == {"stored"}
    assert await dead_letters(storage) == 0


async def test_a_bound_file_whose_object_is_gone_expires_instead_of_getting_a_verdict(storage: Running) -> None:
    draft_id = uuid4()
    one = (await storage.upload(png(), draft_id=draft_id)).json()
    await take(storage, submitted(draft_id, (UUID(one["id"]), one["sha256"])))
    storage.bucket.remove(UUID(one["id"]))
    await perform(storage)
    assert [kind for kind, _ in await announced(storage)] == ["stored", "expired"]
    assert list((await storage.rows()).values()) == ["lost"]


async def test_a_dead_scan_that_an_operator_retries_gives_its_verdict(storage: Running) -> None:
    draft_id = uuid4()
    one = (await storage.upload(png(), draft_id=draft_id)).json()
    await take(storage, submitted(draft_id, (UUID(one["id"]), one["sha256"])))
    async with storage.database.connection() as connection:
        await connection.execute("UPDATE work SET expires_at = now() - interval '1 day'")
    await perform(storage)
    assert [kind for kind, _ in await announced(storage)] == ["stored"]
    async with storage.database.connection() as connection:
        (dead,) = await connection.fetch("SELECT id FROM work WHERE state = 'dead'")
    assert (await Revival(storage.database, storage.parts.kinds, "linh").retry(dead["id"])).outcome == "retried"
    await perform(storage)
    assert [kind for kind, _ in await announced(storage)] == ["stored", "scanned"]


async def test_a_scan_that_is_ordered_anew_takes_the_place_of_its_own_dead_one_only(storage: Running) -> None:
    draft_id = uuid4()
    papers = [(await storage.upload(png(), draft_id=draft_id)).json() for _ in range(2)]
    await take(storage, submitted(draft_id, *((UUID(one["id"]), one["sha256"]) for one in papers)))
    async with storage.database.connection() as connection:
        await connection.execute("UPDATE work SET expires_at = now() - interval '1 day'")
    await perform(storage)
    order = ScanOrder(dossier_id=draft_id, attachment_id=UUID(papers[0]["id"]), size=papers[0]["size"])
    async with storage.database.transaction() as tx:
        tx.enqueue(Work(SCAN, f"{draft_id}:scan", draft_id, order))
    async with storage.database.connection() as connection:
        rows = await connection.fetch("SELECT state, convert_from(payload, 'UTF8') AS payload FROM work ORDER BY id")
    assert [(row["state"], papers[0]["id"] in row["payload"]) for row in rows] == [("dead", False), ("ready", True)]


async def test_many_dossiers_in_one_batch_each_get_their_own(storage: Running) -> None:
    drafts = [uuid4() for _ in range(4)]
    answers = [(await storage.upload(png(), draft_id=draft)).json() for draft in drafts]
    events = [submitted(draft, (UUID(one["id"]), one["sha256"])) for draft, one in zip(drafts, answers, strict=True)]
    await take(storage, *events)
    await perform(storage)
    told = await announced(storage)
    assert {data["dossier_id"] for kind, data in told if kind == "scanned"} == {str(draft) for draft in drafts}
    assert set((await storage.rows()).values()) == {"scanned"}
