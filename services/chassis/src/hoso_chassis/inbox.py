"""Which events were taken in, by (source, id, time): drops what a producer sent twice; old weeks are dropped whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hoso_chassis.postgres import Connection
from hoso_contracts.envelope import CloudEvent

WINDOW = timedelta(days=35)  # longer than any topic is kept, so longer than any redelivery
_WEEK = timedelta(days=7)

_ADD = """
INSERT INTO inbox (source, id, time)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::timestamptz[])
ON CONFLICT DO NOTHING RETURNING source, id, time
"""
_PARTITIONS = """
SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'inbox'::regclass AND c.relname LIKE 'inbox_2%'
"""


async def add(connection: Connection, events: Sequence[CloudEvent]) -> list[bool]:
    """Remember the events; for each, whether it is new. Of two equal ones in a batch only the first is."""
    rows = await connection.fetch(_ADD, [e.source for e in events], [e.id for e in events], [e.time for e in events])
    fresh = {(row["source"], row["id"], row["time"]) for row in rows}
    answers: list[bool] = []
    for event in events:
        identity = (event.source, event.id, event.time)
        answers.append(identity in fresh)
        fresh.discard(identity)
    return answers


async def keep_window(connection: Connection, now: datetime) -> None:
    """Make the partitions of last, this and the next three weeks and drop those that the window has left."""
    existing = {row["name"] for row in await connection.fetch(_PARTITIONS)}
    this_week = _monday(now)
    for step in range(-1, 4):
        start = this_week + step * _WEEK
        if _name(start) not in existing and not await _strays(connection, start):
            await connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_name(start)} PARTITION OF inbox "
                f"FOR VALUES FROM ('{start.isoformat()}') TO ('{(start + _WEEK).isoformat()}')"
            )
    oldest = _name(_monday(now - WINDOW))
    for name in existing:
        if name < oldest:
            await connection.execute(f"DROP TABLE IF EXISTS {name}")
    await connection.execute("DELETE FROM inbox_other WHERE time < $1", now - WINDOW)


async def _strays(connection: Connection, start: datetime) -> bool:
    """Whether the catch-all partition already has rows of that week: then it keeps the week."""
    return await connection.fetchval(
        "SELECT EXISTS (SELECT FROM inbox_other WHERE time >= $1 AND time < $2)", start, start + _WEEK
    )


def _monday(moment: datetime) -> datetime:
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _name(start: datetime) -> str:
    return f"inbox_{start:%Y%m%d}"
