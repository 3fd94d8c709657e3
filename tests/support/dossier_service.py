"""The service dossier for integration tests: its real routes and store on a real database, with clocks a test moves."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import SecretStr

from hoso_chassis import inbox, migrations, positions
from hoso_chassis.batch import Batches
from hoso_chassis.database import Database
from hoso_chassis.health import Health
from hoso_chassis.http import create_app
from hoso_chassis.records import Record
from hoso_chassis.service import Parts
from hoso_chassis.tokens import TokenVerifier
from hoso_contracts.envelope import CloudEvent
from hoso_contracts.event import Event
from hoso_dossier.app import build, service
from hoso_dossier.domain import Dossier
from hoso_dossier.settings import DossierSettings
from support.counting import envelope, record
from support.dossier_samples import AGENCY, answers, receipt, receipt_keys_file

ISSUER = "https://issuer.example"
LIFE = 7200  # seconds: tests are collected at the beginning of a run, and some hold tokens from then on
TABLES = (
    *("drafts", "dossiers", "attachments", "notifications", "status_changes", "receipts", "timeline"),
    *("outbox", "streams", "idempotency"),
)
_KEY = OKPKey.generate_key("Ed25519", {"kid": "issuer-1", "use": "sig"})
_STRANGER = OKPKey.generate_key("Ed25519", {"kid": "issuer-1", "use": "sig"})


def token(role: str = "citizen", subject: str = "person-1", *, forged: bool = False, **claims: Any) -> str:
    """A bearer token of the issuer, or of somebody who says to be it."""
    now = int(time())
    said = {"iss": ISSUER, "aud": "hoso", "sub": subject, "role": role, "iat": now, "exp": now + LIFE, "assurance": 1}
    header, key = {"alg": "Ed25519", "kid": "issuer-1", "typ": "JWT"}, _STRANGER if forged else _KEY
    return jwt.encode(header, said | claims, key, algorithms=["Ed25519"])


def jwks() -> dict[str, Any]:
    """The issuer's key set."""
    return {"keys": [_KEY.as_dict(private=False)]}


def citizen(subject: str = "person-1", **claims: Any) -> dict[str, str]:
    """Headers of a citizen."""
    return {"authorization": f"Bearer {token('citizen', subject, **claims)}"}


def officer(unit: str | None = AGENCY, subject: str = "officer-1") -> dict[str, str]:
    """Headers of an officer of a unit."""
    claims: dict[str, Any] = {"unit": unit} if unit else {}
    return {"authorization": f"Bearer {token('officer', subject, **claims)}"}


def key(text: str | None = None) -> dict[str, str]:
    """An Idempotency-Key, a new one unless it is given."""
    return {"idempotency-key": text or str(uuid4())}


def seen(version: int | str) -> dict[str, str]:
    """If-Match of a version, or an ETag as it came."""
    return {"if-match": version if isinstance(version, str) else f'"{version}"'}


@dataclass
class Clock:
    """A clock that runs ahead of the real one by what a test says."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def read(self, instant: datetime) -> datetime:
        return instant + self.ahead


@dataclass
class Service:
    """One process of dossier, as a test reaches it."""

    parts: Parts[Dossier]
    http: httpx.AsyncClient
    clock: Clock

    @property
    def database(self) -> Database:
        return self.parts.database

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def value(self, query: str, *arguments: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, statement: str, *arguments: object) -> None:
        async with self.database.connection() as connection:
            await connection.execute(statement, *arguments)

    async def counts(self) -> dict[str, int]:
        """How many rows every table has: what a refused request may not change."""
        return {table: await self.value(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608  # fixed names

    async def contents(self) -> dict[str, list[str]]:
        """Every row of every table, as text: what a thing heard twice may not change."""
        found: dict[str, list[str]] = {}
        for table in TABLES:
            rows = await self.rows(f"SELECT t::text AS row FROM {table} AS t ORDER BY 1")  # noqa: S608  # fixed names
            found[table] = [row["row"] for row in rows]
        return found

    async def announced(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of everything announced, in order."""
        rows = await self.rows("SELECT type, convert_from(value, 'UTF8') AS data FROM outbox ORDER BY position")
        return [(row["type"].removeprefix("hoso.").removesuffix(".v1"), loads(row["data"])) for row in rows]

    async def draft(self, given: Mapping[str, Any] | None = None, who: Mapping[str, str] | None = None) -> UUID:
        """A draft with answers; returns its id."""
        headers = dict(who or citizen())
        begun = await self.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=headers | key())
        assert begun.status_code == 201, begun.text
        draft_id = UUID(begun.json()["id"])
        filled = await self.http.patch(
            f"/v1/drafts/{draft_id}",
            json={"answers": dict(answers() if given is None else given)},
            headers=headers | seen(begun.headers["etag"]),
        )
        assert filled.status_code == 200, filled.text
        return draft_id

    async def submit(self, draft_id: UUID, receipts: Sequence[str] | None = None, **headers: str) -> httpx.Response:
        """Submit a draft with one good receipt, or with those given."""
        body = {"receipts": [receipt(draft_id)] if receipts is None else list(receipts)}
        sent = citizen() | key() | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/v1/drafts/{draft_id}/submit", json=body, headers=sent)

    async def dossier(self, given: Mapping[str, Any] | None = None) -> UUID:
        """A submitted dossier; returns its id."""
        draft_id = await self.draft(given)
        answer = await self.submit(draft_id)
        assert answer.status_code == 201, answer.text
        return draft_id

    async def correlations(self) -> set[UUID]:
        """The submissions that what is announced belongs to."""
        rows = await self.rows(
            "SELECT h ->> 1 AS id FROM outbox, jsonb_array_elements(headers) AS h WHERE h ->> 0 = 'ce_correlationid'"
        )
        return {UUID(row["id"]) for row in rows}

    async def kinds(self, dossier_id: UUID, who: Mapping[str, str]) -> list[str]:
        """What somebody reads in the timeline, the earliest first."""
        answer = await self.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=dict(who))
        assert answer.status_code == 200, answer.text
        return [entry["kind"] for entry in answer.json()["entries"]]

    async def decide(self, dossier_id: UUID, action: str, **headers: str) -> httpx.Response:
        """Let the officer accept or refuse the first version; `headers` (with underscores) replace the usual ones."""
        sent = officer() | key() | seen(1) | {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"reason": "Không đúng thẩm quyền"} if action == "refuse" else {}
        return await self.http.post(f"/v1/dossiers/{dossier_id}/{action}", json=body, headers=sent)

    async def hear(self, *events: Event, said: Sequence[CloudEvent] | None = None) -> None:
        """Take events in, as the worker does with one batch from Kafka, in new envelopes or in those given."""
        places = {(event.topic, 0): 0 for event in events}
        async with self.database.connection() as connection:
            await positions.begin(connection, service.group, places)
            expected = await positions.load(connection, service.group, places)
        following = dict(expected)
        records: list[Record] = []
        for index, event in enumerate(events):
            offset = following[event.topic, 0]
            following[event.topic, 0] += 1
            records.append(record(said[index] if said else envelope(event), offset, topic=event.topic))
        batches = Batches(self.database, service.group, self.parts.inbound, self.parts.store, self.parts.policy)
        await batches.take(records, expected)

    async def make_ready(self, dossier_id: UUID) -> None:
        """Let the other services say what accepting needs."""
        await self.execute(
            "UPDATE dossiers SET verification_answer = 'verified', verification_answered_at = now() WHERE id = $1",
            dossier_id,
        )
        await self.execute(
            "UPDATE attachments SET verdict = 'clean', verdict_at = now() WHERE dossier_id = $1", dossier_id
        )


def settings_of(database_url: str, folder: Path, **changed: Any) -> DossierSettings:
    """The settings of a process; its receipt keys are put into the folder, unless a file of others is given."""
    own: dict[str, Any] = {"receipt_public_keys_file": receipt_keys_file(folder)}
    return DossierSettings(database_url=SecretStr(database_url), **(own | changed))


def application(parts: Parts[Dossier], verifier: TokenVerifier | None = None) -> FastAPI:
    """The application of the api role."""
    return create_app(
        title="Hoso dossier",
        version=service.version,
        routers=parts.routers,
        health=Health(),
        verifier=verifier,
    )


def documented_by(app: FastAPI) -> Callable[[httpx.Response], Awaitable[None]]:
    """A hook that holds the status of every answer against what the API's description says its route may answer."""
    described = {
        (method.upper(), re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path))): set(operation["responses"])
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }

    async def check(answer: httpx.Response) -> None:
        request = answer.request
        for (method, path), statuses in described.items():
            if method == request.method and path.fullmatch(request.url.path):
                assert str(answer.status_code) in statuses, f"{method} {path.pattern} answered {answer.status_code}"

    return check


@asynccontextmanager
async def empty_database(postgres: str) -> AsyncGenerator[str]:
    """URL of an empty database that a whole module shares, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f'CREATE DATABASE "{name}"')
        yield postgres.rpartition("/")[0] + f"/{name}"
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@asynccontextmanager
async def running(database_url: str, folder: Path, **settings: Any) -> AsyncGenerator[Service]:
    """A process of dossier on a database, migrated; several may share it."""
    clock = Clock()
    parts = build(settings_of(database_url, folder, **settings), clock=clock.now, read_clock=clock.read)
    await parts.database.open()
    async with parts.database.connection() as connection:
        await migrations.migrate(connection, service.all_migrations)
        await inbox.keep_window(connection, datetime.now(UTC))
    issuer = httpx.MockTransport(lambda _: httpx.Response(200, json={"keys": [_KEY.as_dict(private=False)]}))
    verifier = TokenVerifier(f"{ISSUER}/jwks", ISSUER, client=httpx.AsyncClient(transport=issuer))
    app = application(parts, verifier)
    transport = httpx.ASGITransport(app)
    hooks = {"response": [documented_by(app)]}
    client = httpx.AsyncClient(transport=transport, base_url="http://dossier", event_hooks=hooks)
    async with client:
        yield Service(parts, client, clock)
    await verifier.close()
    await parts.database.close()
