"""If-Match and Idempotency-Key over HTTP, every combination: its one end, and done once or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from support.dossier_service import Service, empty_database
from support.dossier_service import running as dossier_running
from support.matrices import Covers
from support.precondition_routes import (
    HeldObjects,
    Route,
    answered,
    differences,
    dossier_routes,
    locked,
    storage_route,
)
from support.preconditions import BAD_KEYS, KEYS, MATCHES, ROUTES, Rules, applies, end_of, matches_of
from support.storage_service import MemoryBucket, Running
from support.storage_service import running as storage_running
from support.waiting import until_async

SERVICES: Final = Path(__file__).parents[2] / "services"
MATRIX: Final = "preconditions, routes x headers"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("dossier")
    async with empty_database(postgres) as url, dossier_running(url, folder) as service:
        yield service


OBJECTS: Final = HeldObjects()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder, bucket = tmp_path_factory.mktemp("storage"), MemoryBucket(OBJECTS)
    async with empty_database(postgres) as url, storage_running(url, folder, bucket) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def routes(dossier: Service, storage: Running) -> Mapping[str, Route]:
    return dossier_routes(dossier) | {"POST /v1/attachments": storage_route(storage, OBJECTS)}


async def test_the_cases_name_every_route_that_changes_something() -> None:
    """A new changing route without a row here fails."""
    documented = {
        f"{method.upper()} {path}"
        for name in ("dossier", "storage")
        for path, methods in json.loads((SERVICES / name / "openapi.json").read_text("utf-8"))["paths"].items()
        for method in methods
        if method != "get"
    }
    assert documented == set(ROUTES)


class Cells:
    """The cells of one route and one kind of key; a thing is asked about until something is done to it."""

    def __init__(self, route: Route, rules: Rules, key: str) -> None:
        self.route, self.rules, self.key = route, rules, key

    async def begin(self) -> None:
        """Make the thing, and use the key as this kind of key was used."""
        self.text = str(uuid4()).rjust(255 if self.key == "255 characters" else 36, "k")
        self.asking = await self.route.ready()
        self.first: httpx.Response | None = None
        if self.key in {"repeated", "for another body", "for another id", "another person's", "expired"}:
            self.first = await self.asking.send(self.route.http, (self.text,), (f'"{self.asking.version}"',))
            assert self.first.status_code == self.rules.done, self.first.text
        if self.key == "expired":
            await self.route.expire()
        if self.key == "for another id":
            self.asking = await self.route.ready()
        self.counts = await self.route.counts()

    async def ask(self, match: str) -> httpx.Response:
        """Ask with this kind of key and this If-Match."""
        keys = () if self.key == "missing" else BAD_KEYS.get(self.key, (self.text,))
        who = self.asking.other if self.key == "another person's" else None
        body = self.asking.other_body if self.key == "for another body" else None
        version = await self.route.version(self.asking)
        return await self.asking.send(self.route.http, keys, MATCHES[match](version), who, body)

    async def check(self, match: str) -> bool:
        """Ask, and hold the answer and what it left against its end; return whether something was done."""
        end, answer = end_of(self.rules, self.key, match), await self.ask(match)
        slug = None if answer.is_success else answer.json()["type"].removeprefix("/problems/")
        assert (answer.status_code, slug) == (end.status, end.slug), (self.key, match, answer.text)
        before, self.counts = self.counts, await self.route.counts()
        assert differences(before, self.counts) == (self.route.effect if end.effect else {}), (self.key, match)
        if self.key == "repeated" and answer.is_success and not end.effect:
            assert self.first
            assert answered(answer) == answered(self.first), match
        if answer.status_code == 412:
            assert answer.headers["etag"] == f'"{await self.route.version(self.asking)}"'
        return end.effect


@pytest.mark.parametrize("key", [one for one in KEYS if one != "in flight"])
@pytest.mark.parametrize("name", ROUTES)
async def test_a_request_has_the_end_that_its_headers_have(
    routes: Mapping[str, Route], covers: Covers, name: str, key: str
) -> None:
    if not applies(ROUTES[name], key):
        return
    cells = Cells(routes[name], ROUTES[name], key)
    used = True
    for match in matches_of(key):
        covers(MATRIX, name, f"key {key}, If-Match {match}")
        if used:
            await cells.begin()
        used = await cells.check(match)


@pytest.mark.parametrize("name", [name for name, rules in ROUTES.items() if rules.takes_key])
async def test_while_a_key_is_in_flight_it_is_answered_to_nobody_and_afterwards_as_the_first(
    routes: Mapping[str, Route], covers: Covers, name: str
) -> None:
    cells = Cells(routes[name], ROUTES[name], "in flight")
    await cells.begin()
    async with cells.route.held() as waiting:
        seen = (f'"{cells.asking.version}"',)
        first = asyncio.ensure_future(cells.asking.send(cells.route.http, (cells.text,), seen))
        await until_async(waiting, within=5, is_=1)
        for match in matches_of("in flight"):
            covers(MATRIX, name, f"key in flight, If-Match {match}")
            assert not await cells.check(match)
        body = cells.asking.other_body or None
        other = await cells.asking.send(cells.route.http, (cells.text,), seen, body=body)
        assert (other.status_code, other.headers["retry-after"]) == (409, "1")
        assert not first.done()
    done = await first
    assert done.status_code == cells.rules.done, done.text
    assert answered(await cells.ask("stale")) == answered(done)
    assert differences(cells.counts, await cells.route.counts()) == cells.route.effect


async def test_an_upload_that_is_being_confirmed_is_waited_for(
    routes: Mapping[str, Route], storage: Running, covers: Covers
) -> None:
    """It is done but for its commit: the second has the answer of the first, and no file of its own."""
    name = "POST /v1/attachments"
    covers(MATRIX, name, "key in flight and about to be committed, If-Match missing")
    route = routes[name]
    asking, before = await route.ready(), await route.counts()
    async with locked(storage.database.url) as waiting:
        tasks: list[asyncio.Task[httpx.Response]] = []
        for number in (1, 2):
            tasks.append(asyncio.ensure_future(asking.send(route.http, ("k",))))
            await until_async(waiting, within=5, is_=number)
    first, second = await asyncio.gather(*tasks)
    assert first.status_code == 201
    assert answered(first) == answered(second)
    assert differences(before, await route.counts()) == route.effect
    assert set((await storage.rows()).values()) == {"stored"}


async def test_of_two_changes_in_flight_the_second_waits_and_is_told_of_the_first(
    routes: Mapping[str, Route], dossier: Service, covers: Covers
) -> None:
    """PATCH has no key: the version is what keeps it from being done twice."""
    name = "PATCH /v1/drafts/{draft_id}"
    covers(MATRIX, name, "key in flight, If-Match right")
    route = routes[name]
    asking, before = await route.ready(), await route.counts()
    row = f"SELECT FROM drafts WHERE id = '{asking.path.rpartition('/')[2]}' FOR UPDATE"  # our own id
    async with locked(dossier.database.url, row) as waiting:
        tasks = [asyncio.ensure_future(asking.send(route.http, ("k",), ('"2"',))) for _ in range(2)]
        await until_async(waiting, within=5, is_=2)
    answers = await asyncio.gather(*tasks)
    assert sorted(one.status_code for one in answers) == [200, 412]
    assert differences(before, await route.counts()) == route.effect
