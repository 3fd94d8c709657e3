"""The changing routes of dossier and storage, each ready to be asked, and what is left in the databases."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx

from hoso_storage.objects import ObjectsInMemory
from support.dossier_samples import receipt
from support.dossier_service import Service, citizen, officer
from support.storage_samples import content_type, form, pdf, png
from support.storage_service import Running
from support.storage_service import token as storage_token

_COUNTS: Final = """
SELECT (SELECT count(*) FROM drafts) AS drafts,
       (SELECT coalesce(sum(version), 0) FROM drafts) AS draft_versions,
       (SELECT count(*) FROM dossiers) AS dossiers,
       (SELECT coalesce(sum(version), 0) FROM dossiers) AS dossier_versions,
       (SELECT count(*) FROM status_changes) AS moves,
       (SELECT count(*) FROM receipts) AS receipts,
       (SELECT count(*) FROM notifications) AS notifications,
       (SELECT count(*) FROM timeline) AS lines,
       (SELECT count(*) FROM outbox) AS events
"""
_WAITING: Final = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
BEFORE_COMMIT: Final = "LOCK TABLE idempotency IN SHARE MODE"
"""Holds a request in its transaction when everything is done except keeping the answer."""
_DECIDED: Final = {"dossier_versions": 1, "moves": 1, "receipts": 1, "notifications": 2, "lines": 1, "events": 3}


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that will succeed when its headers are right.

    Attributes:
        who: headers of a person who may ask.
        other: headers of another person who may use the route.
        body: the request's own, as bytes with their type.
        other_body: another good one, of the same thing.
        version: of the thing now; 0 where there is none yet.
    """

    method: str
    path: str
    who: Mapping[str, str]
    other: Mapping[str, str]
    body: bytes
    media_type: str
    other_body: bytes = b""
    version: int = 0

    async def send(
        self,
        http: httpx.AsyncClient,
        key: tuple[str, ...] = (),
        match: tuple[str, ...] = (),
        who: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> httpx.Response:
        """Ask, with these lines of the two headers; they may hold what no client would send."""
        headers = [("content-type", self.media_type), *(self.who if who is None else who).items()]
        raw = [(name.encode(), value.encode()) for name, value in headers]
        raw += [(b"idempotency-key", line.encode("utf-8")) for line in key]
        raw += [(b"if-match", line.encode("utf-8")) for line in match]
        content = self.body if body is None else body
        return await http.request(self.method, self.path, content=content, headers=raw)


@dataclass(frozen=True, slots=True)
class Route:
    """One changing route on a running service.

    Attributes:
        ready: makes a thing to ask about.
        version: reads the version of the thing now.
        counts: what there is, to be compared before and after.
        effect: how the counts differ when the request was done once.
        held: keeps requests in flight for as long as the block lasts; yields how many are held now.
    """

    http: httpx.AsyncClient
    ready: Callable[[], Awaitable[Asking]]
    version: Callable[[Asking], Awaitable[int]]
    counts: Callable[[], Awaitable[dict[str, int]]]
    expire: Callable[[], Awaitable[None]]
    effect: Mapping[str, int]
    held: Callable[[], AbstractAsyncContextManager[Callable[[], Awaitable[int]]]]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


async def counts_of(dossier: Service) -> dict[str, int]:
    """What there is in dossier."""
    return {name: int(value) for name, value in (await dossier.rows(_COUNTS))[0].items()}


def dossier_routes(dossier: Service) -> dict[str, Route]:
    """The changing routes of dossier."""

    async def begin() -> Asking:
        body = _json({"procedure": "1.004194"})
        who, other = citizen(f"c-{uuid4()}"), citizen(f"c-{uuid4()}")
        return Asking("POST", "/v1/drafts", who, other, body, "application/json")

    async def change() -> Asking:
        path, bodies = f"/v1/drafts/{await dossier.draft({'a': 1})}", (_json({"a": 2}), _json({"a": 3}))
        media_type = "application/merge-patch+json"
        return Asking("PATCH", path, citizen(), citizen("person-2"), bodies[0], media_type, bodies[1], version=2)

    async def submit() -> Asking:
        draft_id = await dossier.draft()
        bodies = [_json({"receipts": [receipt(draft_id)]}) for _ in range(2)]
        path = f"/v1/drafts/{draft_id}/submit"
        return Asking("POST", path, citizen(), citizen("person-2"), bodies[0], "application/json", bodies[1], version=2)

    def deciding(action: str, bodies: tuple[bytes, bytes]) -> Callable[[], Awaitable[Asking]]:
        async def decide() -> Asking:
            dossier_id = await dossier.dossier()
            await dossier.make_ready(dossier_id)
            path, who, other = f"/v1/dossiers/{dossier_id}/{action}", officer(), officer(subject="officer-2")
            return Asking("POST", path, who, other, bodies[0], "application/json", bodies[1], version=1)

        return decide

    async def version(asking: Asking) -> int:
        if asking.path == "/v1/drafts":
            return 1
        thing = UUID(asking.path.split("/")[3])
        table = "drafts" if "drafts" in asking.path else "dossiers"
        return await dossier.value(f"SELECT version FROM {table} WHERE id = $1", thing) or 1  # noqa: S608  # fixed names

    async def counts() -> dict[str, int]:
        return await counts_of(dossier)

    async def expire() -> None:
        await dossier.execute("UPDATE idempotency SET created_at = created_at - interval '24 hours'")

    submitted = {"drafts": -1, "draft_versions": -2, "dossiers": 1, "dossier_versions": 1}
    submitted |= {"moves": 1, "notifications": 2, "lines": 1, "events": 4}
    reasons = (_json({"reason": "Không đúng thẩm quyền"}), _json({"reason": "Không đủ giấy tờ"}))
    ready: dict[str, tuple[Callable[[], Awaitable[Asking]], dict[str, int]]] = {
        "POST /v1/drafts": (begin, {"drafts": 1, "draft_versions": 1}),
        "PATCH /v1/drafts/{draft_id}": (change, {"draft_versions": 1}),
        "POST /v1/drafts/{draft_id}/submit": (submit, submitted),
        "POST /v1/dossiers/{dossier_id}/accept": (deciding("accept", (b"{}", b"{}")), _DECIDED),
        "POST /v1/dossiers/{dossier_id}/refuse": (deciding("refuse", reasons), _DECIDED),
    }
    return {
        name: Route(dossier.http, make, version, counts, expire, effect, lambda: locked(dossier.database.url))
        for name, (make, effect) in ready.items()
    }


@asynccontextmanager
async def locked(database_url: str, statement: str = BEFORE_COMMIT) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    """Have what a statement locks, in a transaction of the test's own; yields how many wait for a lock there."""
    holder, watcher = [await asyncpg.connect(database_url) for _ in range(2)]  # a transaction sees one state of others

    async def waiting() -> int:
        return await watcher.fetchval(_WAITING)

    try:
        async with holder.transaction():
            await holder.execute(statement)
            yield waiting
    finally:
        await holder.close()
        await watcher.close()


class HeldObjects(ObjectsInMemory):
    """An object store that takes nothing in while it is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.inside = asyncio.Event(), 0
        self.open.set()

    async def put(self, key: UUID, content: bytes, media_type: str) -> None:
        """Write the object, once the store is open."""
        self.inside += 1
        await self.open.wait()
        self.inside -= 1
        await super().put(key, content, media_type)


def storage_route(storage: Running, objects: HeldObjects) -> Route:
    """The one changing route of storage; its requests are in flight while the object store takes the object."""

    async def ready() -> Asking:
        draft_id, who = uuid4(), [{"authorization": f"Bearer {storage_token(f'c-{uuid4()}')}"} for _ in range(2)]
        bodies = form(draft_id, png()), form(draft_id, pdf())
        return Asking("POST", "/v1/attachments", who[0], who[1], bodies[0], content_type(), bodies[1])

    async def version(_: Asking) -> int:
        return 1

    async def counts() -> dict[str, int]:
        states = list((await storage.rows()).values())
        return {"stored": states.count("stored"), "objects": len(storage.bucket.listed())}

    async def expire() -> None:
        async with storage.database.connection() as connection:
            await connection.execute("UPDATE idempotency SET created_at = created_at - interval '24 hours'")

    @asynccontextmanager
    async def held() -> AsyncGenerator[Callable[[], Awaitable[int]]]:
        async def waiting() -> int:
            return objects.inside

        objects.open.clear()
        try:
            yield waiting
        finally:
            objects.open.set()

    return Route(storage.http, ready, version, counts, expire, {"stored": 1, "objects": 1}, held)


def differences(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What was added, by name, where it is not nothing."""
    return {name: after[name] - before[name] for name in before if after[name] != before[name]}


def answered(answer: httpx.Response) -> tuple[int, Any]:
    """An answer to compare with another."""
    headers = {name: answer.headers.get(name) for name in ("etag", "location")}
    return answer.status_code, (answer.json(), headers)
