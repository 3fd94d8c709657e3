"""A service as small as can be, for tests of the chassis: counts each dossier's events and does what a test says."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from hoso_chassis.consequences import Consequence
from hoso_chassis.inbound import Inbound
from hoso_chassis.postgres import Connection
from hoso_chassis.records import Record
from hoso_contracts.dossier import DossierRefused
from hoso_contracts.envelope import CloudEvent, data_bytes, dataschema, encode
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityRejected, IdentityVerified

TABLE = """
CREATE TABLE counts (
    dossier_id uuid PRIMARY KEY,
    seen bigint NOT NULL CHECK (seen < 1000),
    last_verification uuid
)
"""
_LOAD = "SELECT dossier_id, seen, last_verification FROM counts WHERE dossier_id = ANY($1) ORDER BY 1 FOR UPDATE"
_SAVE = """
INSERT INTO counts (dossier_id, seen, last_verification) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[])
ON CONFLICT (dossier_id) DO UPDATE SET seen = EXCLUDED.seen, last_verification = EXCLUDED.last_verification
"""


@dataclass(slots=True)
class Count:
    """What was seen of one dossier."""

    dossier_id: UUID
    seen: int = 0
    last_verification: UUID | None = None


class CountStore:
    """Counts in PostgreSQL; every id is known."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Count]:
        counts = {key: Count(key) for key in ids}
        for row in await connection.fetch(_LOAD, list(ids)):
            counts[row["dossier_id"]] = Count(row["dossier_id"], row["seen"], row["last_verification"])
        return counts

    async def save(self, connection: Connection, aggregates: Sequence[Count]) -> None:
        await connection.execute(
            _SAVE,
            [one.dossier_id for one in aggregates],
            [one.seen for one in aggregates],
            [one.last_verification for one in aggregates],
        )


def nothing(_event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    """What a test does on an event unless it says otherwise."""
    return ()


@dataclass(slots=True)
class Counting:
    """The handlers of the service; `then` is what a test adds to every event, `superseded` when one comes too late."""

    then: Callable[[IdentityVerified, Count], Iterable[Consequence]] = nothing
    inbound: Inbound[Count] = field(default_factory=Inbound[Count])
    superseded: Callable[[IdentityVerified, Count], bool] | None = None

    def __post_init__(self) -> None:
        on = self.inbound.on(IdentityVerified, of=lambda event: event.dossier_id, superseded=self.superseded)
        on(self.count)

    def count(self, event: IdentityVerified, count: Count) -> Iterable[Consequence]:
        count.seen += 1
        count.last_verification = event.verification_id
        yield from self.then(event, count)


def refused(dossier_id: UUID) -> DossierRefused:
    """A public, sequenced event to announce."""
    return DossierRefused(
        dossier_id=dossier_id,
        code="G01.999.000.000-261124-0001",
        procedure="1.004194",
        case="individual",
        agency="G01.999.901",
        previous_status=1,
        refused_at=datetime(2026, 11, 24, tzinfo=UTC),
        reason="not-eligible",
        receipt="CT06",
    )


def verified(dossier_id: UUID | None = None) -> IdentityVerified:
    """An event that the service counts."""
    return IdentityVerified(
        dossier_id=dossier_id or uuid4(), verification_id=uuid4(), verified_at=datetime(2026, 11, 24, tzinfo=UTC)
    )


def rejected(dossier_id: UUID | None = None) -> IdentityRejected:
    """A known event that the service does not listen to."""
    return IdentityRejected(
        dossier_id=dossier_id or uuid4(), verification_id=uuid4(), rejected_at=datetime(2026, 11, 24, tzinfo=UTC)
    )


def envelope(event: Event, **changed: Any) -> CloudEvent:
    """An event in an envelope as another service would send it."""
    attributes: dict[str, Any] = {
        "id": uuid7(),
        "source": "/hoso/identity",
        "type": event.type,
        "subject": str(event.subject),
        "time": datetime.now(UTC),
        "dataschema": dataschema(event.type),
        "partitionkey": str(event.dossier_id),
        "correlationid": uuid7(),
        "causationid": None,
        "sequence": None,
        "replayid": None,
        "traceparent": None,
        "data": data_bytes(event),
    }
    return CloudEvent(**{**attributes, **changed})


def record(event: Event | CloudEvent, offset: int, partition: int = 0, **changed: Any) -> Record:
    """A record that holds an event, as it lies in the log."""
    enveloped = event if isinstance(event, CloudEvent) else envelope(event)
    encoded = encode(enveloped)
    attributes: dict[str, Any] = {
        "topic": "identity.verifications.v1",
        "partition": partition,
        "offset": offset,
        "time": enveloped.time,
        "key": encoded.key,
        "value": encoded.value,
        "headers": tuple(encoded.headers),
    }
    return Record(**{**attributes, **changed})
