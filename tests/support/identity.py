"""The service identity for tests: built by its composition root, on a real database, with a real register process."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from hoso_chassis import inbox, migrations, positions
from hoso_chassis.batch import Batches
from hoso_chassis.breaker import Breaker
from hoso_chassis.database import Database, utc_now
from hoso_chassis.outbox import headers_from_json
from hoso_chassis.performer import Performer
from hoso_chassis.records import Record
from hoso_chassis.service import Parts
from hoso_contracts.dossier import IdentityVerificationRequested
from hoso_contracts.envelope import CloudEvent
from hoso_identity.app import build, service
from hoso_identity.domain import Verification
from hoso_identity.settings import IdentitySettings
from support.counting import envelope, record
from support.waiting import until

TOPIC = IdentityVerificationRequested.topic
NOWHERE = "http://127.0.0.1:1"


def requested(**changed: Any) -> IdentityVerificationRequested:
    """A question about somebody whom the register does not have, unless a test says otherwise."""
    values: dict[str, Any] = {
        "dossier_id": uuid4(),
        "verification_id": uuid4(),
        "identity_number": "003090000001",
        "full_name": "Trần Thị Hoà",
        "date_of_birth": date(1990, 3, 7),
        "requested_at": datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
    }
    return IdentityVerificationRequested(**{**values, **changed})


@dataclass(slots=True)
class Identity:
    """One worker of identity, driven by hand."""

    parts: Parts[Verification]
    offset: int = 0
    taken: list[Record] = field(default_factory=list[Record])

    @property
    def database(self) -> Database:
        return self.parts.database

    async def take(self, *events: IdentityVerificationRequested | CloudEvent) -> list[Record]:
        """Let the batch consumer take these as one batch of raw records."""
        enveloped = [
            event if isinstance(event, CloudEvent) else envelope(event, source="/hoso/dossier") for event in events
        ]
        records = [record(event, self.offset + place, topic=TOPIC) for place, event in enumerate(enveloped)]
        await self.take_records(records)
        return records

    async def take_records(self, records: Sequence[Record]) -> None:
        """Let the batch consumer take raw records; their offsets follow the last ones."""
        batches = Batches(self.database, service.group, self.parts.inbound, self.parts.store, self.parts.policy)
        numbered = [replace(one, offset=self.offset + place) for place, one in enumerate(records)]
        following = await batches.take(numbered, {(TOPIC, 0): self.offset})
        self.offset = following[TOPIC, 0]

    @asynccontextmanager
    async def working(
        self, *, threshold: int = 5, rest: float = 0.1, **changed: Any
    ) -> AsyncGenerator[Performer[Verification]]:
        """Perform the work meanwhile; `changed` are fields of the kind."""
        (kind,) = self.parts.kinds
        quick = replace(kind, **{"first_delay": 0.02, "longest_delay": 0.2, **changed})
        breaker = Breaker(kind.target, threshold, rest)
        performer = Performer(self.database, quick, self.parts.store, breaker)
        running = asyncio.create_task(performer.run())
        try:
            yield performer
        finally:
            performer.stop()
            await running

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def value(self, query: str, *arguments: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def announced(self) -> list[dict[str, Any]]:
        """The outbox, oldest first: type, key, value, and headers as a mapping."""
        rows = await self.rows("SELECT type, topic, key, value, headers FROM outbox ORDER BY position")
        return [{**row, "headers": dict(headers_from_json(row["headers"]))} for row in rows]

    async def count_announced(self) -> int:
        return await self.value("SELECT count(*) FROM outbox")

    async def state(self, verification_id: UUID) -> str | None:
        return await self.value("SELECT state FROM verifications WHERE verification_id = $1", verification_id)


@asynccontextmanager
async def identity(database_url: str, population_url: str = NOWHERE, **settings: Any) -> AsyncGenerator[Identity]:
    """The service on an empty database, migrated, with its resources open."""
    parts = build(
        IdentitySettings.model_validate({"database_url": database_url, "population_url": population_url, **settings})
    )
    await parts.database.open()
    try:
        async with parts.database.connection() as connection:
            await migrations.migrate(connection, service.all_migrations)
            await inbox.keep_window(connection, utc_now())
            await positions.begin(connection, service.group, {(TOPIC, 0): 0})
        yield Identity(parts)
    finally:
        for resource in parts.resources:
            await resource.__aexit__(None, None, None)
        await parts.database.close()


@dataclass(slots=True)
class Register:
    """The population mock as a process of its own; it can be killed and started again on the same port."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and return when it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hoso_population_mock"],
            env={"HTTP_PORT": str(self.port), "LOG_LEVEL": "warning", "PATH": os.environ.get("PATH", "")},
        )
        until(self._answers, within=20)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def switch(self, **switches: object) -> None:
        """Set switches; without any, put all back."""
        if switches:
            httpx.put(f"{self.url}/switches", json=switches, trust_env=False).raise_for_status()
        else:
            httpx.delete(f"{self.url}/switches", trust_env=False).raise_for_status()

    def people(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Return people of the register, as it spells them."""
        answer = httpx.get(f"{self.url}/people/sample?n={count}&seed={seed}", trust_env=False)
        return answer.raise_for_status().json()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def register_process() -> Generator[Register]:
    """A running register on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        register = Register(free.getsockname()[1])
    register.start()
    try:
        yield register
    finally:
        register.kill()


def about(person: dict[str, Any], **changed: Any) -> IdentityVerificationRequested:
    """A question about a person of the register."""
    return requested(
        identity_number=person["identity_number"],
        full_name=changed.pop("full_name", person["full_name"]),
        date_of_birth=changed.pop("date_of_birth", date.fromisoformat(person["date_of_birth"])),
        **changed,
    )
