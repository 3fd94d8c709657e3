"""Processes killed with -9 around their commit: the same request sent again is done once and has the one answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest

from hoso_storage.housekeeping import Housekeeping
from support import dossier_service, storage_service
from support.dossier_samples import receipt_keys_file
from support.kill_moments import BEFORE, MOMENTS, Moment, wait_in_commit
from support.killed_api import Victim, victim
from support.matrices import Covers
from support.precondition_routes import (
    BEFORE_COMMIT,
    Asking,
    Route,
    answered,
    counts_of,
    differences,
    dossier_routes,
)
from support.preconditions import ROUTES
from support.storage_samples import content_type, form, png, receipt_key_file
from support.storage_service import S3Bucket, s3_bucket
from support.waiting import until_async

MATRIX: Final = "preconditions, routes x headers"
PATCH: Final = "PATCH /v1/drafts/{draft_id}"
SUBMIT: Final = "POST /v1/drafts/{draft_id}/submit"
UPLOAD: Final = "POST /v1/attachments"


async def unanswered(tasks: list[asyncio.Task[httpx.Response]]) -> bool:
    """Whether nobody heard anything."""
    return all(isinstance(one, httpx.TransportError) for one in await asyncio.gather(*tasks, return_exceptions=True))


async def send(asking: Asking, http: httpx.AsyncClient) -> httpx.Response:
    """Send it with the one key that all of them have, each for its own route."""
    return await asking.send(http, ("k",), (f'"{asking.version}"',))


async def sent_again(asking: Asking, http: httpx.AsyncClient) -> httpx.Response:
    """Send it again as a client does: later, while it is told that the first is in flight."""
    return await until_async(
        lambda: send(asking, http), within=10, is_=lambda answer: answer.status_code not in {409, 503}
    )


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[dossier_service.Service]:
    """The process that gets the requests again."""
    async with dossier_service.running(database_url, tmp_path) as service:
        yield service


@pytest.fixture
async def dossier_victim(dossier: dossier_service.Service, tmp_path: Path) -> AsyncIterator[Victim]:
    settings = {"DATABASE_URL": dossier.database.url, "RECEIPT_PUBLIC_KEYS_FILE": str(receipt_keys_file(tmp_path))}
    async with victim("dossier", tmp_path, dossier_service.jwks(), dossier_service.ISSUER, settings) as process:
        yield process


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_dossier_has_done_each_request_once_or_not_at_all(
    dossier: dossier_service.Service, dossier_victim: Victim, covers: Covers, moment: str
) -> None:
    """One process has a request of every route in its hands; another process gets them again."""
    routes, url = dossier_routes(dossier), dossier.database.url
    askings = {name: await route.ready() for name, route in routes.items()}
    for name in askings:
        covers(MATRIX, name, f"key after a kill {moment}, If-Match right")
    effect, before = _all_effects(routes), await counts_of(dossier)

    async def is_done() -> bool:
        return differences(before, await counts_of(dossier)) == effect

    if moment != BEFORE:
        await wait_in_commit(url, "idempotency", "drafts")
    row = f"SELECT FROM drafts WHERE id = '{_id_of(askings[PATCH])}' FOR UPDATE"  # our own id
    async with Moment(moment, len(askings), is_done, f"{BEFORE_COMMIT}; {row}").of(dossier_victim, url) as kill:
        tasks = [asyncio.ensure_future(send(one, dossier_victim.http)) for one in askings.values()]
        await kill()
        await _are_in_flight(askings, dossier.http)
    assert await unanswered(tasks)
    for name, asking in askings.items():
        status = 412 if name == PATCH and moment != BEFORE else ROUTES[name].done
        await _have_one_answer(name, asking, dossier.http, status)
    assert await is_done()
    code = await dossier.value("SELECT code FROM dossiers WHERE id::text = $1", _id_of(askings[SUBMIT]))
    assert (await sent_again(askings[SUBMIT], dossier.http)).json()["code"] == code


async def _have_one_answer(name: str, asking: Asking, http: httpx.AsyncClient, status: int) -> None:
    """Sent again it is answered, and with a key once more the same."""
    answer = await sent_again(asking, http)
    assert answer.status_code == status, (name, answer.text)
    if ROUTES[name].takes_key:
        assert answered(await sent_again(asking, http)) == answered(answer)


def _id_of(asking: Asking) -> str:
    return asking.path.split("/")[3]


def _all_effects(routes: Mapping[str, Route]) -> dict[str, int]:
    names = {name for route in routes.values() for name in route.effect}
    total = {name: sum(route.effect.get(name, 0) for route in routes.values()) for name in names}
    return {name: number for name, number in total.items() if number}


async def _are_in_flight(askings: Mapping[str, Asking], http: httpx.AsyncClient) -> None:
    """The transactions of the process outlive it for as long as they wait, and so do their keys."""
    for name, asking in askings.items():
        if ROUTES[name].takes_key:
            answer = await send(asking, http)
            assert (answer.status_code, answer.json()["type"]) == (409, "/problems/idempotency-key-in-flight"), name


@pytest.fixture
async def bucket() -> AsyncIterator[S3Bucket]:
    async with s3_bucket() as found:
        yield found


class Clock:
    """The clock of the process that gets the upload again."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def storage(
    database_url: str, tmp_path: Path, bucket: S3Bucket, clock: Clock
) -> AsyncIterator[storage_service.Running]:
    """The process that gets the upload again."""
    async with storage_service.running(database_url, tmp_path, bucket, clock=clock.now) as service:
        yield service


@pytest.fixture
async def storage_victim(storage: storage_service.Running, tmp_path: Path, bucket: S3Bucket) -> AsyncIterator[Victim]:
    objects = bucket.objects
    settings = {
        "DATABASE_URL": storage.database.url,
        "RECEIPT_PRIVATE_KEY_FILE": str(receipt_key_file(tmp_path)),
        "S3_ENDPOINT": f"http://{objects.endpoint}",
        "S3_ACCESS_KEY": objects.access_key,
        "S3_SECRET_KEY": objects.secret_key,
        "S3_BUCKET": objects.bucket,
    }
    async with victim("storage", tmp_path, storage_service.jwks(), storage_service.ISSUER, settings) as process:
        yield process


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_storage_has_kept_an_upload_once_or_housekeeping_removes_it(
    storage: storage_service.Running, storage_victim: Victim, clock: Clock, covers: Covers, moment: str
) -> None:
    """Killed before the commit, its key is free after a minute; its object is removed after an hour."""
    covers(MATRIX, UPLOAD, f"key after a kill {moment}, If-Match right")
    who = {"authorization": f"Bearer {storage_service.token()}"}
    body = form("0199f2d1-6f7e-7cc2-8f51-6a3f0f4d2c11", png())
    asking = Asking("POST", "/v1/attachments", who, who, body, content_type(), version=1)

    async def is_done() -> bool:
        return set((await storage.rows()).values()) == {"stored"}

    if moment != BEFORE:
        await wait_in_commit(storage.database.url, "idempotency")
    async with Moment(moment, 1, is_done).of(storage_victim, storage.database.url) as kill:
        task = asyncio.ensure_future(send(asking, storage_victim.http))
        await kill()
    assert await unanswered([task])
    if moment == BEFORE:
        assert (await send(asking, storage.http)).status_code == 409
        clock.ahead = timedelta(seconds=61)
    await _have_one_answer(UPLOAD, asking, storage.http, 201)
    clock.ahead = timedelta(minutes=62)
    await Housekeeping(storage.database, storage.bucket.objects).sweep()
    assert await is_done()
    assert storage.bucket.listed() == set(await storage.rows())
    assert len(await storage.rows()) == 1
