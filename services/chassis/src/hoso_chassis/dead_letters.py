"""Dead letters: records that could not be taken in, kept byte for byte with the reason in the batch's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from uuid_utils.compat import uuid7

from hoso_chassis.postgres import Connection
from hoso_chassis.records import Record

KEPT: Final = timedelta(days=14)

_INSERT = """
INSERT INTO dead_letters (id, consumer_group, topic, partition, record_offset, record_time, key, value, header_names,
                          header_values, type, reason, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


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


async def forget_old(connection: Connection) -> None:
    """Delete what has been kept long enough."""
    await connection.execute("DELETE FROM dead_letters WHERE died_at < now() - $1::interval", KEPT)
