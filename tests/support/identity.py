"""The service identity for tests: built by its composition root, on a real database, driven by hand."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

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


def about(person: dict[str, Any], **changed: Any) -> IdentityVerificationRequested:
    """A question about a person of the register."""
    return requested(
        identity_number=person["identity_number"],
        full_name=changed.pop("full_name", person["full_name"]),
        date_of_birth=changed.pop("date_of_birth", date.fromisoformat(person["date_of_birth"])),
        **changed,
    )
