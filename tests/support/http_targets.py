"""Dossier and storage listening on real ports, with a request for each of their routes and what it is answered."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from hoso_chassis.database import Database
from hoso_chassis.edge import BoundedProtocol
from hoso_chassis.health import Health
from hoso_chassis.http import Server, create_app
from hoso_chassis.tokens import TokenVerifier
from support import dossier_service, storage_service
from support.http_routes import Route, routes
from support.raw_http import exchange, listening
from support.storage_samples import png
from support.storage_service import Bucket, s3_bucket

_TABLES: Final = "SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'"


Kept = dict[str, list[str]]


async def _kept(database: Database, bucket: Bucket | None = None) -> Kept:
    found = {"objects": sorted(map(str, bucket.listed()))} if bucket else {}
    async with database.connection() as connection:
        for table in [row["name"] for row in await connection.fetch(_TABLES)]:
            rows = await connection.fetch(f"SELECT t::text AS row FROM {table} AS t ORDER BY 1")  # noqa: S608
            found[table] = [row["row"] for row in rows]
    return found


@dataclass(frozen=True, slots=True)
class Target:
    """A service.

    Attributes:
        routes: each with a request that changes nothing.
        plain: what that is answered, by the route's name.
        before: what was kept before anything else came.
    """

    name: str
    server: Server
    routes: tuple[Route, ...]
    plain: Mapping[str, str]
    before: Kept
    database: Database
    bucket: Bucket | None = None

    @property
    def port(self) -> int:
        return self.server.port

    async def kept(self) -> Kept:
        """Every row of every table, and every object."""
        return await _kept(self.database, self.bucket)

    async def is_quiet(self) -> bool:
        """Whether every connection and every request has ended."""
        return not self.server.server_state.tasks and not self.server.server_state.connections

    async def serves(self) -> bool:
        """Whether a good request is answered as ever."""
        route = next(one for one in self.routes if self.plain[one.name] == "200 ")
        (answer,) = await exchange(self.port, [route.sized()])
        return answer.told == "200 "


@asynccontextmanager
async def dossier_target(
    database_url: str,
    folder: Path,
    word: str,
    body_seconds: float = 30,
    protocol: type[BoundedProtocol] = BoundedProtocol,
) -> AsyncGenerator[Target]:
    """Dossier with a draft and a dossier."""
    async with dossier_service.running(database_url, folder) as service, _verifier() as verifier:
        draft, dossier = await service.draft(), await service.dossier()
        known = {
            "draft_id": str(draft),
            "dossier_id": str(dossier),
            "query code": await service.value("SELECT code FROM dossiers"),
            "path code": "1.004194",
        }
        app = create_app(
            title="Hoso dossier",
            version="0.1.0",
            routers=service.parts.routers,
            health=Health(),
            verifier=verifier,
            body_seconds=body_seconds,
        )
        roles = (dossier_service.citizen(), dossier_service.officer())
        async with listening(app, protocol) as server:
            tried = [
                (await _tried(server.port, route), route)
                for role in roles
                for route in routes("dossier", known, role, word)
            ]
            found = dict(_allowed(tried))
            plain = {route.name: told for told, route in tried if found[route.name] is route}
            before = await _kept(service.database)
            yield Target("dossier", server, tuple(found.values()), plain, before, service.database)


@asynccontextmanager
async def storage_target(
    database_url: str, folder: Path, word: str, protocol: type[BoundedProtocol] = BoundedProtocol, **settings: float
) -> AsyncGenerator[Target]:
    """Storage with a file."""
    async with (
        s3_bucket() as bucket,
        storage_service.running(database_url, folder, bucket, **settings) as service,
        listening(service.app, protocol) as server,
    ):
        stored = await service.upload(png())
        known = {"attachment_id": stored.json()["id"]}
        role = {"authorization": f"Bearer {storage_service.token()}"}
        found = tuple(routes("storage", known, role, word))
        plain = {route.name: await _tried(server.port, route) for route in found}
        before = await _kept(service.database, bucket)
        yield Target("storage", server, found, plain, before, service.database, bucket)


async def _tried(port: int, route: Route) -> str:
    (answer,) = await exchange(port, [route.sized()])
    assert route.kind == "none" or answer.status >= 400, f"{route.name} would change something"
    return answer.told


def _allowed(tried: list[tuple[str, Route]]) -> Iterator[tuple[str, Route]]:
    """Of each route's requests the first that its caller may send."""
    seen: set[str] = set()
    for told, route in tried:
        if not told.startswith("403") and route.name not in seen:
            seen.add(route.name)
            yield route.name, route
    assert seen == {route.name for _, route in tried}, "a route whose role is not known here"


@asynccontextmanager
async def _verifier() -> AsyncGenerator[TokenVerifier]:
    keys = {"keys": [dossier_service._KEY.as_dict(private=False)]}
    issuer = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=keys)))
    verifier = TokenVerifier(f"{dossier_service.ISSUER}/jwks", dossier_service.ISSUER, client=issuer)
    yield verifier
    await verifier.close()
