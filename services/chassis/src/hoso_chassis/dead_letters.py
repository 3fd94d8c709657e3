"""Dead letters: records that could not be taken in, kept byte for byte with the reason in the batch's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from hoso_chassis.postgres import Connection, Row
from hoso_chassis.records import Record

KEPT: Final = timedelta(days=14)

_INSERT = """
INSERT INTO dead_letters (id, consumer_group, topic, partition, record_offset, record_time, key, value, header_names,
                          header_values, type, reason, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_KEPT_LETTER = """
SELECT id, topic, partition, record_offset, record_time, key, value, header_names, header_values, type, reason, detail,
       attempts, died_at, taken_in
FROM dead_letters WHERE consumer_group = $1 AND id = $2
"""
_TAKE = f"{_KEPT_LETTER} FOR UPDATE SKIP LOCKED"
_REMOVE = "DELETE FROM dead_letters WHERE id = $1"
_RETURN = """
UPDATE dead_letters SET attempts = attempts + 1, type = $2, reason = $3, detail = $4, taken_in = $5 WHERE id = $1
"""
# Reasons of letters that died behind the inbox: it has a row of their event, and that row is theirs.
_BEHIND_INBOX = frozenset({"no-such-aggregate", "handler-failed", "not-writable"})


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record and why it died.

    Attributes:
        reason: one of the documented codes, e.g. "wrong-shape".
        detail: field paths or an exception's type and place; never a value of the record.
        is_fault: it looks like a bug of ours, not like bad data; such ones in a row halt the consumer.
    """

    record: Record
    type: str | None
    reason: str
    detail: str = ""
    is_fault: bool = False


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it lies in the table.

    Attributes:
        attempts: how often it died, the first time included.
        taken_in: the inbox has a row of its event, and that row is its own.
    """

    id: UUID
    record: Record
    type: str | None
    reason: str
    detail: str
    attempts: int
    died_at: datetime
    taken_in: bool

    @property
    def origin(self) -> str:
        """Where it lay, "topic/partition@offset"."""
        return f"{self.record.topic}/{self.record.partition}@{self.record.offset}"


async def bury(connection: Connection, group: str, letters: Sequence[DeadLetter]) -> None:
    """Keep the letters; the position moves past them in the same transaction, so each is kept once."""
    await connection.executemany(_INSERT, [_row(group, letter) for letter in letters])


def _row(group: str, letter: DeadLetter) -> tuple[object, ...]:
    record = letter.record
    return (
        uuid7(),
        group,
        record.topic,
        record.partition,
        record.offset,
        record.time,
        record.key,
        record.value,
        [name.replace("\0", "\N{SYMBOL FOR NULL}") for name, _ in record.headers],  # PostgreSQL's text holds no NUL
        [value for _, value in record.headers],
        letter.type,
        letter.reason,
        letter.detail,
    )


async def find(connection: Connection, group: str, letter_id: UUID) -> KeptLetter | None:
    """The letter as it lies there, whoever holds it."""
    row = await connection.fetchrow(_KEPT_LETTER, group, letter_id)
    return _letter(row) if row else None


async def take(connection: Connection, group: str, letter_id: UUID) -> KeptLetter | None:
    """Lock the letter until the transaction ends; None when it is gone, or when somebody else holds it."""
    row = await connection.fetchrow(_TAKE, group, letter_id)
    return _letter(row) if row else None


def _letter(row: Row) -> KeptLetter:
    headers = tuple(zip(row["header_names"], row["header_values"], strict=True))
    place = (row["topic"], row["partition"], row["record_offset"], row["record_time"])
    return KeptLetter(
        row["id"],
        Record(*place, row["key"], row["value"], headers),
        row["type"],
        row["reason"],
        row["detail"],
        row["attempts"],
        row["died_at"],
        row["taken_in"] or row["reason"] in _BEHIND_INBOX,
    )


async def remove(connection: Connection, letter: KeptLetter) -> None:
    """Delete a letter that was taken."""
    await connection.execute(_REMOVE, letter.id)


async def put_back(connection: Connection, letter: KeptLetter, died: DeadLetter) -> None:
    """Keep a letter that was taken and died again, for the rest of its time: when it first died stays."""
    taken_in = letter.taken_in or died.reason in _BEHIND_INBOX
    await connection.execute(_RETURN, letter.id, died.type, died.reason, died.detail, taken_in)


async def forget_old(connection: Connection) -> None:
    """Delete what has been kept long enough."""
    await connection.execute("DELETE FROM dead_letters WHERE died_at < now() - $1::interval", KEPT)
