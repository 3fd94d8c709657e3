"""What a log says that the database does not know: sent rows go, sequences go on behind the log; it reads no broker."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hoso_chassis.outbox import headers_from_json, headers_json
from hoso_chassis.postgres import Connection
from hoso_contracts.envelope import CloudEvent
from hoso_contracts.topics import TOPICS

# The rows of a round that was cut off are among the oldest; only what is not found there is looked for everywhere.
_FRONT: Final = 20_000
_EVENT_ID: Final = "(jsonb_path_query_first(headers, 'strict $[*] ? (@[0] == \"ce_id\")[1]') #>> '{}')::uuid"
_DELETE_FRONT: Final = f"""
WITH oldest AS MATERIALIZED (SELECT position, {_EVENT_ID} AS id FROM outbox ORDER BY position LIMIT {_FRONT})
DELETE FROM outbox USING oldest WHERE outbox.position = oldest.position AND oldest.id = ANY($1::uuid[])
RETURNING oldest.id
"""  # noqa: S608 - constants
_DELETE_ANYWHERE: Final = f"""
DELETE FROM outbox WHERE {_EVENT_ID} = ANY($1::uuid[]) RETURNING {_EVENT_ID} AS id
"""  # noqa: S608
_STORED: Final = """
SELECT topic, subject, sequence FROM streams
WHERE (topic, subject) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
"""
# In the order in which whoever announces takes them. Also a row that is not behind is locked: nobody takes a sequence
# until the waiting rows have been looked at.
_RAISE: Final = """
INSERT INTO streams AS s (topic, subject, sequence) SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[])
ON CONFLICT (topic, subject) DO UPDATE SET sequence = greatest(s.sequence, EXCLUDED.sequence)
"""
_WAITING: Final = """
SELECT position, topic, headers::text AS headers FROM outbox
WHERE topic = ANY($1::text[]) AND key = ANY($2::bytea[]) ORDER BY position FOR UPDATE
"""
_RENUMBER: Final = """
UPDATE outbox SET headers = mended.headers::jsonb
FROM unnest($1::bigint[], $2::text[]) AS mended (position, headers) WHERE outbox.position = mended.position
"""
_REPORT: Final = """
INSERT INTO forgotten_facts (id, topic, partition, record_offset, type, subject, sequence, announced_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
                     $8::timestamptz[])
ON CONFLICT (id) DO NOTHING
"""

Stream = tuple[str, UUID]  # topic, subject


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of ours as it lies in the log.

    Attributes:
        is_first: its partition is being read for the first time, so that it need not be forgotten when it is unknown.
    """

    topic: str
    partition: int
    offset: int
    key: bytes
    event: CloudEvent
    is_first: bool

    @property
    def told(self) -> tuple[str, str]:
        """Type and subject as they may be told: who writes into a topic can write anything there, somebody's name too.

        Empty: no type that the topic may have, no id.
        """
        topic = TOPICS.get(self.topic)
        kind = self.event.type if topic is not None and self.event.type in topic.types else ""
        try:
            return kind, str(UUID(self.event.subject))
        except ValueError:
            return kind, ""


# What a service does, in the transaction, about facts its database has forgotten; none given: at the end of it all.
Recall = Callable[[Connection, Sequence[CloudEvent]], Awaitable[None]]


async def recall_nothing(_: Connection, __: Sequence[CloudEvent]) -> None:
    """For a service that issues nothing but events."""


async def settle(connection: Connection, logged: Sequence[Logged]) -> tuple[int, list[Logged]]:
    """Make the outbox and the streams agree with a piece of the log, in one transaction.

    Returns:
        how many rows were sent already and are deleted, and the events that the database had forgotten.
    """
    sent = await _delete_sent(connection, [one.event.id for one in logged])
    unknown = [one for one in logged if one.event.id not in sent]
    stored = await _stored(connection, unknown)
    forgotten = [one for one in unknown if not one.is_first or _is_beyond(one, stored)]
    # Of what is known by its sequence nothing needs healing: at an upgrade that is the whole log.
    await _raise_sequences(connection, [one for one in unknown if not one.is_first or _is_beyond(one, stored)])
    if forgotten:
        await _report(connection, forgotten)
    return len(sent), forgotten


async def _delete_sent(connection: Connection, ids: Sequence[UUID]) -> set[UUID]:
    if not ids:
        return set()
    sent = {row["id"] for row in await connection.fetch(_DELETE_FRONT, ids)}
    if missing := [one for one in ids if one not in sent]:
        sent |= {row["id"] for row in await connection.fetch(_DELETE_ANYWHERE, missing)}
    return sent


def _stream(one: Logged) -> Stream | None:
    topic = TOPICS.get(one.topic)
    if topic is None or not topic.sequenced or one.event.sequence is None:
        return None
    try:
        return one.topic, UUID(one.event.subject)
    except ValueError:
        return None


async def _stored(connection: Connection, unknown: Sequence[Logged]) -> dict[Stream, int]:
    streams = sorted({stream for one in unknown if (stream := _stream(one)) is not None})
    if not streams:
        return {}
    rows = await connection.fetch(_STORED, [topic for topic, _ in streams], [subject for _, subject in streams])
    return {(row["topic"], row["subject"]): row["sequence"] for row in rows}


def _is_beyond(one: Logged, stored: Mapping[Stream, int]) -> bool:
    stream = _stream(one)
    return stream is not None and (one.event.sequence or 0) > stored.get(stream, 0)


async def _raise_sequences(connection: Connection, unknown: Sequence[Logged]) -> None:
    """Let no stream go on below what the log has, neither what is given out next nor what waits to be sent."""
    seen: dict[Stream, int] = {}
    keys: set[bytes] = set()
    for one in unknown:
        if (stream := _stream(one)) is not None:
            seen[stream] = max(seen.get(stream, 0), one.event.sequence or 0)
            keys.add(one.key)
    if seen:
        await _lift(connection, seen)
        if lifted := await _renumber(connection, seen, keys):
            await _lift(connection, lifted)


async def _lift(connection: Connection, sequences: Mapping[Stream, int]) -> None:
    streams = sorted(sequences)
    await connection.execute(
        _RAISE,
        [topic for topic, _ in streams],
        [subject for _, subject in streams],
        [sequences[one] for one in streams],
    )


async def _renumber(connection: Connection, seen: Mapping[Stream, int], keys: set[bytes]) -> dict[Stream, int]:
    """Give new sequences to rows announced between the restore and now; return the last one of each stream."""
    rows = await connection.fetch(_WAITING, sorted({topic for topic, _ in seen}), sorted(keys))
    waiting: dict[Stream, list[tuple[int, list[tuple[str, bytes]]]]] = defaultdict(list)
    for row in rows:
        headers = headers_from_json(row["headers"])
        stream = (row["topic"], UUID(dict(headers)["ce_subject"].decode()))
        if stream in seen:
            waiting[stream].append((row["position"], headers))
    mended: dict[int, str] = {}
    last: dict[Stream, int] = {}
    for stream, held in waiting.items():
        if int(dict(held[0][1])["ce_sequence"]) <= seen[stream]:
            for sequence, (position, headers) in enumerate(held, seen[stream] + 1):
                mended[position] = headers_json(_with_sequence(headers, sequence))
                last[stream] = sequence
    if mended:
        await connection.execute(_RENUMBER, list(mended), list(mended.values()))
    return last


def _with_sequence(headers: Sequence[tuple[str, bytes]], sequence: int) -> list[tuple[str, bytes]]:
    return [(name, f"{sequence:012}".encode() if name == "ce_sequence" else value) for name, value in headers]


async def _report(connection: Connection, forgotten: Sequence[Logged]) -> None:
    columns: list[list[Any]] = [
        [one.event.id for one in forgotten],
        [one.topic for one in forgotten],
        [one.partition for one in forgotten],
        [one.offset for one in forgotten],
        [one.told[0] for one in forgotten],
        [one.told[1] for one in forgotten],
        [one.event.sequence for one in forgotten],
        [one.event.time for one in forgotten],
    ]
    await connection.execute(_REPORT, *columns)
