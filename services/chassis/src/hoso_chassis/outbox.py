"""The way out: facts become outbox rows in the caller's transaction; it never speaks to a broker."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from hoso_chassis.consequences import Cause
from hoso_chassis.postgres import Connection
from hoso_chassis.tracing import current_traceparent
from hoso_contracts.envelope import EVENT_LIMIT_BYTES, CloudEvent, data_bytes, dataschema, encode
from hoso_contracts.event import Event
from hoso_contracts.topics import TOPICS

# Rows are taken in the order of (topic, subject), so that two transactions never wait for each other in a circle.
_NEXT_SEQUENCES = """
INSERT INTO streams AS s (topic, subject, sequence)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[])
ON CONFLICT (topic, subject) DO UPDATE SET sequence = s.sequence + EXCLUDED.sequence
RETURNING topic, subject, sequence
"""
_INSERT = """
INSERT INTO outbox (topic, type, key, value, headers)
SELECT topic, type, key, value, headers::jsonb
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::text[]) AS row (topic, type, key, value, headers)
"""


class NotAnnounceable(Exception):
    """The event may not be announced as it is; the message names the type and the rule, never a value."""


@dataclass(slots=True)
class Announcements:
    """The events of one transaction, in the order they were announced."""

    source: str
    now: datetime
    _events: list[tuple[str, CloudEvent]] = field(default_factory=list[tuple[str, CloudEvent]])
    _correlation_id: UUID | None = None

    def add(self, event: Event, cause: Cause) -> UUID:
        """Check and collect an event; return its id. The first one that no event led to begins a correlation.

        Raises:
            NotAnnounceable: this service does not produce to the event's topic, or the data is over the limit.
        """
        topic = TOPICS[event.topic]
        if self.source.removeprefix("/hoso/") not in topic.producers:
            raise NotAnnounceable(f"{event.type}: {self.source} is no producer of {topic.name}")
        data = data_bytes(event)
        if len(data) > EVENT_LIMIT_BYTES:
            raise NotAnnounceable(f"{event.type}: more than {EVENT_LIMIT_BYTES} bytes of data")
        event_id = uuid7()
        if cause.causation_id is None and self._correlation_id is None:
            self._correlation_id = event_id
        self._events.append((event.topic, self._envelope(event, event_id, data, cause)))
        return event_id

    def __len__(self) -> int:
        return len(self._events)

    def rewind(self, mark: int) -> None:
        """Forget what was announced since `len` was `mark`."""
        del self._events[mark:]

    def _envelope(self, event: Event, event_id: UUID, data: bytes, cause: Cause) -> CloudEvent:
        return CloudEvent(
            id=event_id,
            source=self.source,
            type=event.type,
            subject=str(event.subject),
            time=self.now,
            dataschema=dataschema(event.type),
            partitionkey=str(event.dossier_id),
            correlationid=cause.correlation_id or (None if cause.causation_id else self._correlation_id),
            causationid=cause.causation_id,
            sequence=None,
            replayid=cause.replay_id,
            traceparent=cause.traceparent or current_traceparent(),
            data=data,
        )

    async def flush(self, connection: Connection) -> None:
        """Give sequences to the events of sequenced topics and insert all rows with one statement."""
        if not self._events:
            return
        events = await self._sequenced(connection)
        records = [encode(event) for _, event in events]
        await connection.execute(
            _INSERT,
            [topic for topic, _ in events],
            [event.type for _, event in events],
            [record.key for record in records],
            [record.value for record in records],
            [headers_json(record.headers) for record in records],
        )
        self._events.clear()

    async def _sequenced(self, connection: Connection) -> list[tuple[str, CloudEvent]]:
        counts = Counter((topic, event.subject) for topic, event in self._events if TOPICS[topic].sequenced)
        if not counts:
            return self._events
        streams = sorted(counts)
        rows = await connection.fetch(
            _NEXT_SEQUENCES,
            [topic for topic, _ in streams],
            [subject for _, subject in streams],
            [counts[stream] for stream in streams],
        )
        last = {(row["topic"], str(row["subject"])): row["sequence"] for row in rows}
        following = {stream: last[stream] - count for stream, count in counts.items()}
        numbered: list[tuple[str, CloudEvent]] = []
        for topic, event in self._events:
            stream = (topic, event.subject)
            if stream in following:
                following[stream] += 1
                numbered.append((topic, replace(event, sequence=following[stream])))
            else:
                numbered.append((topic, event))
        return numbered


def headers_json(headers: Sequence[tuple[str, bytes]]) -> str:
    """The headers as an outbox row keeps them."""
    return orjson.dumps([[name, value.decode()] for name, value in headers]).decode()


def headers_from_json(text: str) -> list[tuple[str, bytes]]:
    """The headers of an outbox row, as the producer takes them."""
    return [(name, value.encode()) for name, value in orjson.loads(text)]
