"""The access matrix: every route, asked by every caller, about things that exist; what each is told, and no more."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from fastapi import APIRouter

from hoso_chassis.health import Health
from hoso_chassis.http import create_app
from hoso_dossier.app import build as build_dossier
from hoso_storage.app import build as build_storage
from support import dossier_service, storage_service
from support.access import ROWS, WRONG_ROLE, Row, tried
from support.access_applications import NO_DATABASE, applications, described, differences, routes_of
from support.access_world import World, opened, told
from support.matrices import Covers

pytestmark = pytest.mark.asyncio(loop_scope="module")

MATRIX: Final = "access, routes x callers"
NOT_DESCRIBED: Final = frozenset({"/livez", "/readyz", "/metrics", "/openapi.json"})
CELLS: Final = [pytest.param(row, caller, id=f"{row.name}, {caller}") for row in ROWS for caller in tried(row)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(postgres, tmp_path_factory.mktemp("access")) as world:
        yield world


@pytest.mark.parametrize(("row", "caller"), CELLS)
async def test_everybody_is_told_what_the_matrix_says(world: World, row: Row, caller: str, covers: Covers) -> None:
    covers(MATRIX, row.name, caller)
    status, _, slug = row.cell(caller).partition(" ")
    thing = await world.thing(row.of, fresh=bool(row.sends) and not slug)
    before = await world.kept(row.service)
    answer = await world.ask(row, caller, thing)
    if row.method == "HEAD":
        assert (answer.status_code, answer.content) == (200, b"")
        return
    said = answer.json()["type"] if answer.headers["content-type"] == "application/problem+json" else ""
    assert (str(answer.status_code), said) == (status, f"/problems/{slug}" if slug else ""), answer.text
    if slug or not row.sends:
        assert await world.kept(row.service) == before, "something was changed"
    if status in {"401", "404"} or row.cell(caller) == WRONG_ROLE:
        absent = await world.ask(row, caller, thing.absent())
        assert told(answer) == told(absent), "it makes a difference whether it is there"


def built(folder: Path) -> dict[str, set[tuple[str, str, str]]]:
    """The routes of every application."""
    dossier = build_dossier(dossier_service.settings_of(NO_DATABASE, folder))
    storage = build_storage(storage_service.settings_of(NO_DATABASE, folder))
    return {name: routes_of(name, app) for name, app in applications(dossier, storage).items()}


async def test_every_route_has_a_row_and_every_row_a_route(tmp_path: Path) -> None:
    routes = {route for found in built(tmp_path).values() for route in found}
    assert differences(routes, ROWS) == {"without a row": set(), "without a route": set()}


@pytest.mark.parametrize("service", ["dossier", "storage", "identity", "notify"])
async def test_the_committed_description_has_the_same_routes(tmp_path: Path, service: str) -> None:
    api = {route for route in built(tmp_path)[service] if route[2] not in NOT_DESCRIBED}
    assert described(service) == api == {row.route for row in ROWS if row.service == service} & api


async def test_a_route_without_a_row_is_found_however_it_was_added() -> None:
    inner, outer = APIRouter(), APIRouter()
    inner.add_api_route("/{code}/new", lambda: None, methods=["PUT"])
    outer.include_router(inner, prefix="/v1/inner", include_in_schema=False)
    app = create_app(title="t", version="1", routers=[outer], health=Health())
    rows = [row for row in ROWS if row.service == "identity"]
    assert differences(routes_of("identity", app), rows) == {
        "without a row": {("identity", "PUT", "/v1/inner/{code}/new")},
        "without a route": set(),
    }
