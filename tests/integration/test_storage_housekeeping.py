"""What is deleted, when, and that nothing else is."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hoso_storage import housekeeping as module
from hoso_storage.housekeeping import Housekeeping
from support.storage_samples import png
from support.storage_service import Running, bucket_of, running

START = datetime.now(UTC)


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "s3"])
async def storage(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, clock: Clock
) -> AsyncGenerator[Running]:
    async with bucket_of(request.param) as bucket, running(database_url, tmp_path, bucket, clock=clock) as storage:
        yield storage


@pytest.fixture
def housekeeping(storage: Running) -> Housekeeping:
    return Housekeeping(storage.database, storage.bucket.objects)


async def test_an_unbound_file_is_deleted_14_days_after_its_receipt_ended(
    storage: Running, clock: Clock, housekeeping: Housekeeping
) -> None:
    assert (await storage.upload(png())).status_code == 201
    clock.now += timedelta(days=44) - timedelta(minutes=1)
    assert await housekeeping.sweep() == 0
    assert len(await storage.rows()) == len(storage.bucket.listed()) == 1
    clock.now += timedelta(minutes=1)
    assert await housekeeping.sweep() == 1
    assert await storage.nothing_left()


@pytest.mark.parametrize("state", ["bound", "scanned", "lost"])
async def test_a_file_of_a_dossier_is_never_deleted_by_age(
    storage: Running, clock: Clock, housekeeping: Housekeeping, state: str
) -> None:
    assert (await storage.upload(png())).status_code == 201
    async with storage.database.connection() as connection:
        verdict = "clean" if state == "scanned" else None
        await connection.execute("UPDATE attachments SET state = $1, verdict = $2, delete_after = NULL", state, verdict)
    clock.now += timedelta(days=4000)
    assert await housekeeping.sweep() == 0
    assert len(storage.bucket.listed()) == 1


async def test_a_file_whose_object_went_before_is_forgotten_too(
    storage: Running, clock: Clock, housekeeping: Housekeeping
) -> None:
    answer = (await storage.upload(png())).json()
    storage.bucket.remove(UUID(answer["id"]))
    clock.now += timedelta(days=44)
    assert await housekeeping.sweep() == 1
    assert await storage.nothing_left()


async def test_several_replicas_in_small_batches_delete_everything_once(
    storage: Running, clock: Clock, housekeeping: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    for number in range(7):
        assert (await storage.upload(png(), draft_id=UUID(int=number))).status_code == 201
    clock.now += timedelta(days=44)
    deleted = await asyncio.gather(*(housekeeping.sweep() for _ in range(3)))
    assert sum(deleted) == 7
    assert await storage.nothing_left()
