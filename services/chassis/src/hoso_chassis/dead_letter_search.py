"""Finds dead letters by what is known of them and shows their outside; key, value and headers' values stay inside."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from hoso_chassis.dead_letters import KeptLetter
from hoso_chassis.postgres import Connection, Row
from hoso_contracts.registry import event_types

_FIND: Final = """
SELECT id, topic, partition, record_offset, record_time, type, reason, detail, attempts, died_at, key
FROM dead_letters
WHERE consumer_group = $1
  AND ($2::text[] IS NULL OR reason = ANY($2))
  AND ($3::text[] IS NULL OR type = ANY($3))
  AND ($4::text[] IS NULL OR topic = ANY($4))
  AND ($5::timestamptz IS NULL OR died_at >= $5)
  AND ($6::timestamptz IS NULL OR died_at < $6)
  AND ($7::bytea[] IS NULL OR key = ANY($7))
ORDER BY topic, partition, record_offset, id LIMIT $8
"""
_TYPE: Final = re.compile(r"(hoso\.[a-z.-]{1,80})\.v[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; None stands for all.

    Attributes:
        since, until: when they died, `until` not included.
        keys: bytes of record keys, any of them.
    """

    reasons: Sequence[str] | None = None
    types: Sequence[str] | None = None
    topics: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    keys: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Outside:
    """What may be shown of a letter.

    Attributes:
        type: None when it was not read, or is none that we know.
        dossier: the key, when that is a dossier's id.
    """

    id: UUID
    topic: str
    partition: int
    offset: int
    record_time: datetime
    type: str | None
    reason: str
    detail: str
    attempts: int
    died_at: datetime
    dossier: UUID | None


async def search(connection: Connection, group: str, wanted: Wanted, limit: int) -> Sequence[Outside]:
    """At most `limit` letters, in the order in which they lay in the log."""
    which = (wanted.reasons, wanted.types, wanted.topics, wanted.since, wanted.until, wanted.keys)
    return [_outside(row) for row in await connection.fetch(_FIND, group, *which, limit)]


def _outside(row: Row) -> Outside:
    place = (row["topic"], row["partition"], row["record_offset"], row["record_time"])
    why = (row["reason"], row["detail"], row["attempts"], row["died_at"])
    return Outside(row["id"], *place, known_type(row["type"]), *why, dossier_of(row["key"]))


def outside(letter: KeptLetter) -> Outside:
    """The same of a letter that was read whole."""
    record = letter.record
    place = (record.topic, record.partition, record.offset, record.time)
    why = (letter.reason, letter.detail, letter.attempts, letter.died_at)
    return Outside(letter.id, *place, known_type(letter.type), *why, dossier_of(record.key))


def known_type(text: str | None) -> str | None:
    """The type, if it is one of ours in some major version: a sender may write anybody's name there."""
    found = _TYPE.fullmatch(text or "")
    names = {name.rpartition(".v")[0] for name in event_types()}
    return text if found and found[1] in names else None


def dossier_of(key: bytes | None) -> UUID | None:
    """The dossier that a key names: 36 letters of a UUID and nothing else."""
    try:
        text = (key or b"").decode("ascii")
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
