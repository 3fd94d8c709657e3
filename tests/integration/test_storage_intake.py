"""What fails between row, object and confirmation: each place by itself, and what is left behind there."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from hoso_storage import store
from hoso_storage.housekeeping import Housekeeping
from hoso_storage.objects import NeverStored, ObjectsInMemory, ObjectsUnavailable, PerhapsStored
from support.storage_samples import png
from support.storage_service import MemoryBucket, Running, running

START = datetime.now(UTC)


@dataclass
class Clock:
    """Stands still until a test moves it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Disturbed(ObjectsInMemory):
    """An object store in memory whose `put` does what a test says, before and after the object is there."""

    before: Callable[[UUID], None] = lambda _: None
    after: Callable[[UUID], None] = lambda _: None
    hold: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, key: UUID, content: bytes, media_type: str) -> None:
        self.before(key)
        self.arrived.set()
        if self.hold is not None:
            await self.hold.wait()
        await ObjectsInMemory.put(self, key, content, media_type)
        self.after(key)


class Killed(BaseException):
    """What no handler catches: as if the process had ended."""


def raising(error: BaseException) -> Callable[[UUID], None]:
    def act(_: UUID) -> None:
        raise error

    return act


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def objects() -> Disturbed:
    return Disturbed()


@pytest.fixture
async def storage(database_url: str, tmp_path: Path, objects: Disturbed, clock: Clock) -> AsyncGenerator[Running]:
    async with running(database_url, tmp_path, MemoryBucket(objects), clock=clock) as storage:
        yield storage


@pytest.fixture
def housekeeping(storage: Running, objects: Disturbed) -> Housekeeping:
    return Housekeeping(storage.database, objects)


async def test_the_row_is_committed_before_the_object_is_written(storage: Running, objects: Disturbed) -> None:
    objects.hold = asyncio.Event()
    upload = asyncio.create_task(storage.upload(png()))
    await asyncio.wait_for(objects.arrived.wait(), 5)
    (state,) = (await storage.rows()).values()
    assert (state, objects.objects) == ("receiving", {})
    objects.hold.set()
    assert (await upload).status_code == 201


async def test_a_store_that_was_not_reached_leaves_nothing(storage: Running, objects: Disturbed) -> None:
    objects.before = raising(NeverStored())
    answer = await storage.upload(png(), key="k-1")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert await storage.nothing_left()
    objects.before = lambda _: None
    assert (await storage.upload(png(), key="k-1")).status_code == 201


async def test_a_store_whose_answer_was_lost_leaves_a_row_that_finds_the_object(
    storage: Running, objects: Disturbed, clock: Clock, housekeeping: Housekeeping
) -> None:
    objects.after = raising(PerhapsStored())
    assert (await storage.upload(png(), key="k-1")).status_code == 503
    assert set(await storage.rows()) == set(objects.objects)
    objects.after = lambda _: None
    assert (await storage.upload(png(), key="k-1")).status_code == 201
    clock.now += timedelta(minutes=61)
    assert await housekeeping.sweep() == 1
    assert list((await storage.rows()).values()) == ["stored"]
    assert set(await storage.rows()) == set(objects.objects)


async def test_a_database_that_refuses_the_confirmation_leaves_nothing(
    storage: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        raise asyncpg.PostgresSyntaxError("as if")

    monkeypatch.setattr(store, "confirm", refuse)
    assert (await storage.upload(png())).status_code == 500
    assert await storage.nothing_left()


async def test_a_commit_whose_answer_was_lost_keeps_row_and_object(
    storage: Running, objects: Disturbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = type(storage.parts.database).transaction
    committed: list[UUID] = []

    @asynccontextmanager
    async def losing(self: object, *args: object) -> AsyncGenerator[object]:
        async with confirm(self, *args) as tx:  # type: ignore[arg-type]
            yield tx
        if objects.objects and not committed:
            committed.extend(objects.objects)
            raise ConnectionResetError

    monkeypatch.setattr(type(storage.parts.database), "transaction", losing)
    draft_id = uuid4()
    assert (await storage.upload(png(), draft_id=draft_id, key="k-1")).status_code == 503
    assert list((await storage.rows()).values()) == ["stored"]
    assert set(objects.objects) == set(await storage.rows())
    again = await storage.upload(png(), draft_id=draft_id, key="k-1")
    assert (again.status_code, UUID(again.json()["id"])) == (201, committed[0])


async def test_a_process_killed_in_between_leaves_what_housekeeping_removes(
    storage: Running, objects: Disturbed, clock: Clock, housekeeping: Housekeeping
) -> None:
    objects.after = raising(Killed())
    with pytest.raises(Killed):
        await storage.upload(png())
    assert list((await storage.rows()).values()) == ["receiving"]
    assert len(objects.objects) == 1
    clock.now += timedelta(minutes=59)
    assert await housekeeping.sweep() == 0
    clock.now += timedelta(minutes=2)
    assert await housekeeping.sweep() == 1
    assert await storage.nothing_left()


async def test_a_key_in_flight_is_409_and_after_a_minute_its_owner_is_gone(
    storage: Running, objects: Disturbed, clock: Clock
) -> None:
    draft_id = uuid4()
    objects.hold = asyncio.Event()
    first = asyncio.create_task(storage.upload(png(), draft_id=draft_id, key="k-1"))
    await asyncio.wait_for(objects.arrived.wait(), 5)
    busy = await storage.upload(png(), draft_id=draft_id, key="k-1")
    assert (busy.status_code, busy.json()["type"]) == (409, "/problems/idempotency-key-in-flight")
    assert busy.headers["retry-after"] == "1"
    clock.now += timedelta(seconds=61)
    objects.arrived.clear()
    second = asyncio.create_task(storage.upload(png(), draft_id=draft_id, key="k-1"))
    await asyncio.wait_for(objects.arrived.wait(), 5)
    objects.hold.set()
    statuses = {(await first).status_code, (await second).status_code}
    assert statuses in ({201}, {201, 409})  # 409: they met at the very end
    assert (await storage.upload(png(), draft_id=draft_id, key="k-1")).status_code == 201
    assert len(await storage.rows()) == len(objects.objects) == 1


async def test_an_upload_that_housekeeping_took_for_abandoned_is_refused(
    storage: Running, objects: Disturbed, clock: Clock, housekeeping: Housekeeping
) -> None:
    objects.hold = asyncio.Event()
    upload = asyncio.create_task(storage.upload(png()))
    await asyncio.wait_for(objects.arrived.wait(), 5)
    async with storage.database.connection() as connection:
        await store.expire(connection, clock.now + timedelta(hours=2), 10, clock.now)
    objects.hold.set()
    assert (await upload).status_code == 503
    assert await housekeeping.sweep() == 1
    assert await storage.nothing_left()


async def test_an_object_that_cannot_be_removed_now_is_removed_later(
    storage: Running, objects: Disturbed, clock: Clock, housekeeping: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        objects.refuse = ObjectsUnavailable()
        raise asyncpg.PostgresSyntaxError("as if")

    monkeypatch.setattr(store, "confirm", refuse)
    assert (await storage.upload(png())).status_code == 500
    assert list((await storage.rows()).values()) == ["expired"]
    assert len(objects.objects) == 1
    clock.now += timedelta(hours=2)
    with capture_logs() as said:
        assert await housekeeping.sweep() == 0
    assert said == [{"event": "files-not-deleted", "log_level": "warning", "files": 1}]
    objects.refuse = None
    assert await housekeeping.sweep() == 0  # leased a moment ago
    clock.now += timedelta(minutes=11)
    assert await housekeeping.sweep() == 1
    assert await storage.nothing_left()
