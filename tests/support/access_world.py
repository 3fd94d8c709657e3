"""Every service of the access matrix with its objects: sends a cell's request and sees what it has changed."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

import httpx

from hoso_chassis.database import Database
from hoso_chassis.tokens import TokenVerifier
from support import access_callers, dossier_service, storage_service
from support.access import Row
from support.access_applications import applications
from support.access_callers import ISSUER, Callers, Issuer
from support.access_objects import Objects, Thing, with_level_2
from support.dossier_samples import answers, receipt
from support.kept import MOVING
from support.storage_samples import content_type, form, png

OWNER: Final = "person-1"
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace ORDER BY 1
"""
_TRACE: Final = re.compile(rb'"trace_id":"[0-9a-f]{32}",?')


@dataclass
class World:
    """All of it; objects are made once a kind, and anew for who may change them."""

    clients: Mapping[str, httpx.AsyncClient]
    objects: Objects
    callers: Callers
    verifier: TokenVerifier
    _things: dict[str, Thing] = field(default_factory=dict[str, Thing])
    _looks: dict[str, str] = field(default_factory=dict[str, str])

    async def thing(self, of: str, *, fresh: bool = False) -> Thing:
        """An object of a kind."""
        if fresh:
            return await self.objects.make(of)
        if of not in self._things:
            self._things[of] = await self.objects.make(of)
        return self._things[of]

    async def ask(self, row: Row, caller: str, thing: Thing) -> httpx.Response:
        """Send what the route takes, right in everything but who sends it."""
        path = re.sub(r"\{[a-z]+_id\}", str(thing.id), row.template).replace("{code}", thing.code)
        headers, query = self.callers.dress(caller, row)
        own = {"Idempotency-Key": uuid4().hex, "If-Match": f'"{thing.version}"'}
        headers += [(name, own[name]) for name in row.sends]
        query |= {"code": thing.code} if row.template == "/v1/dossiers" else {}
        return await self.clients[row.service].request(
            row.method, path, headers=headers, params=query, **self._body(row, thing, headers)
        )

    def _body(self, row: Row, thing: Thing, headers: list[tuple[str, str]]) -> dict[str, Any]:
        if row.route == ("storage", "POST", "/v1/attachments"):
            headers.append(("content-type", content_type()))
            return {"content": form(thing.id, png())}
        last = row.template.rpartition("/")[2]
        bodies: Mapping[str, Any] = {
            "drafts": {"procedure": thing.code},
            "{draft_id}": {"answers": {"declarant": "self"}},
            "submit": {"receipts": [receipt(thing.id, sub=self.objects.owner)]},
            "accept": {},
            "refuse": {"reason": "Không đúng thẩm quyền"},
        }
        return {} if row.method in {"GET", "HEAD"} else {"json": bodies[last]}

    async def kept(self, service: str) -> object:
        """Everything that a service keeps, in a form that is the same when nothing changed."""
        if service not in {"dossier", "storage"}:
            return None
        database = self.objects.dossier.database if service == "dossier" else self.objects.storage.database
        async with database.connection() as connection:
            rows = await connection.fetchval(self._looks.get(service) or await self._look(service, database))
        return rows, service == "storage" and self.objects.storage.bucket.listed()

    async def _look(self, service: str, database: Database) -> str:
        """One query over all tables, but for those that move by themselves."""
        async with database.connection() as connection:
            tables = [row["relname"] for row in await connection.fetch(_TABLES) if row["relname"] not in MOVING]
        looks = ", ".join(
            f"(SELECT string_agg(t::text, '|' ORDER BY t::text) FROM \"{name}\" AS t)"  # noqa: S608  # of the catalogue
            for name in tables
        )
        self._looks[service] = f"SELECT md5(concat_ws('/', {looks}))"
        return self._looks[service]


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """All of an answer but which request it was to."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return answer.status_code, _TRACE.sub(b"", answer.content), headers


@asynccontextmanager
async def opened(postgres: str, folder: Path, given: Mapping[str, Any] | None = None) -> AsyncGenerator[World]:
    """Every service on databases of its own, after the issuer has changed its key."""
    many = {"unbound_files_per_draft": 100_000, "files_per_subject_per_day": 100_000}
    issuer = Issuer()
    transport = httpx.MockTransport(issuer.published)
    verifier = TokenVerifier(
        f"{ISSUER}/jwks", ISSUER, client=httpx.AsyncClient(transport=transport), clock=lambda: issuer.now
    )
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        databases = [await enter(dossier_service.empty_database(postgres)) for _ in range(2)]
        with patch("hoso_dossier.app.catalogue", with_level_2):
            dossier = await enter(dossier_service.running(databases[0], folder))
        bucket = await enter(storage_service.bucket_of("memory"))
        storage = await enter(storage_service.running(databases[1], folder, bucket, **many))
        objects = Objects(dossier, storage, OWNER, given or answers())
        apps = applications(dossier.parts, storage.parts, verifier)
        clients = {
            name: await enter(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hoso"))
            for name, app in apps.items()
        }
        stack.push_async_callback(verifier.close)
        world = World(clients, objects, Callers(issuer, OWNER, objects.given["agency"]), verifier)
        await _rotate(world)
        yield world


async def _rotate(world: World) -> None:
    """Let the issuer publish another key; nothing of ours is started again, and ten seconds later it is known."""
    issuer, claims = world.callers.issuer, world.callers.claims("owner")
    await world.verifier.verify(access_callers.signed(issuer.retired, claims))
    issuer.rotated = True
    issuer.now += world.verifier.pause
    await world.verifier.verify(world.callers.token("owner"))
