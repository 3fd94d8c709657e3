"""The service notify for tests: built by its composition root, on a real database, with real mail and SMS peers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
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
from hoso_contracts.dossier import NotificationParameters, NotificationRequested
from hoso_contracts.envelope import CloudEvent
from hoso_notify.app import build, service
from hoso_notify.domain import Notification
from hoso_notify.settings import NotifySettings
from support.counting import envelope, record

TOPIC = NotificationRequested.topic
CODE = "G01.999.000.000-261124-0001"
NOWHERE = 1  # a port that nobody listens on
SETTINGS: dict[str, Any] = {
    "smtp_host": "127.0.0.1",
    "smtp_port": NOWHERE,
    "mail_sender": "Dịch vụ công <no-reply@hoso.example>",
    "smpp_host": "127.0.0.1",
    "smpp_port": NOWHERE,
    "smpp_system_id": "hoso",
    "smpp_password": "secret",
    "sms_sender": "HOSO",
}


def requested(**changed: Any) -> NotificationRequested:
    """A request to tell somebody by SMS that a dossier was submitted, unless a test says otherwise."""
    channel = changed.get("channel", "sms")
    values: dict[str, Any] = {
        "dossier_id": uuid4(),
        "notification_id": uuid4(),
        "channel": channel,
        "template": "dossier-submitted",
        "occasion": "submitted",
        "recipient": "an@mail.example" if channel == "email" else "0912345678",
        "parameters": NotificationParameters(
            dossier_code=CODE, procedure_code="1.004194", procedure_name="Đăng ký tạm trú"
        ),
        "requested_at": datetime(2026, 11, 24, 3, 0, tzinfo=UTC),
    }
    return NotificationRequested(**{**values, **changed})


@dataclass(slots=True)
class Notify:
    """One worker of notify, driven by hand."""

    parts: Parts[Notification]
    offset: int = 0
    taken: list[Record] = field(default_factory=list[Record])

    @property
    def database(self) -> Database:
        return self.parts.database

    async def take(self, *events: NotificationRequested | CloudEvent) -> list[Record]:
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
    async def working(self, *, threshold: int = 1000, **changed: Any) -> AsyncGenerator[None]:
        """Perform the work of both kinds meanwhile; `changed` are fields of the kinds."""
        performers = [
            Performer(
                self.database,
                replace(kind, **{"first_delay": 0.02, "longest_delay": 0.1, **changed}),
                self.parts.store,
                Breaker(kind.target, threshold, rest=0.1),
            )
            for kind in self.parts.kinds
        ]
        running = [asyncio.create_task(performer.run()) for performer in performers]
        try:
            yield
        finally:
            for performer in performers:
                performer.stop()
            await asyncio.gather(*running)

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        async with self.database.connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]

    async def value(self, query: str, *arguments: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def announced(self) -> list[dict[str, Any]]:
        """The outbox, oldest first: type, topic, key, value, and headers as a mapping."""
        rows = await self.rows("SELECT type, topic, key, value, headers FROM outbox ORDER BY position")
        return [{**row, "headers": dict(headers_from_json(row["headers"]))} for row in rows]

    async def count_announced(self) -> int:
        return await self.value("SELECT count(*) FROM outbox")

    async def state(self, notification_id: UUID) -> str | None:
        return await self.value("SELECT state FROM notifications WHERE notification_id = $1", notification_id)


@asynccontextmanager
async def notify(database_url: str, **settings: Any) -> AsyncGenerator[Notify]:
    """The service on an empty database, migrated, with its resources open."""
    parts = build(NotifySettings.model_validate({**SETTINGS, "database_url": database_url, **settings}))
    await parts.database.open()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.database.close)
        for resource in parts.resources:
            await stack.enter_async_context(resource)
        async with parts.database.connection() as connection:
            await migrations.migrate(connection, service.all_migrations)
            await inbox.keep_window(connection, utc_now())
            await positions.begin(connection, service.group, {(TOPIC, 0): 0})
        yield Notify(parts)
