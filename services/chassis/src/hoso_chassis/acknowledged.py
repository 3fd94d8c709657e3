"""How far Kafka has acknowledged what left here, which a relay need not compare with the log again; SQL only."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from hoso_chassis.lease import Lease
from hoso_chassis.postgres import Connection

Partition = tuple[str, int]  # topic, number

_LOAD: Final = """
SELECT topic, partition, max(next_offset) AS next_offset, bool_and(is_first) AS is_first FROM relayed
GROUP BY topic, partition
"""
# A holder that was stopped while it sent finds a higher fence: the new one compares with the log and sends the rest.
# The lock makes the one who takes the lease wait for this statement, so that it sees either all of it or nothing. One
# statement, because a transaction of a stopped process would keep the lease from the next one.
_SENT: Final = """
WITH held AS MATERIALIZED (
    SELECT FROM leases WHERE name = $2 AND holder = $3 AND fence = $4 FOR SHARE
), gone AS (
    DELETE FROM outbox WHERE position = ANY($1::bigint[]) AND EXISTS (SELECT FROM held) RETURNING 1
), moved AS (
    SELECT * FROM unnest($5::text[], $6::integer[], $7::bigint[], $8::bigint[]) AS one (topic, partition, old, new)
), before AS (
    DELETE FROM relayed USING moved WHERE EXISTS (SELECT FROM held)
       AND relayed.topic = moved.topic AND relayed.partition = moved.partition AND relayed.next_offset = moved.old
    RETURNING 1
), after AS (
    INSERT INTO relayed (topic, partition, next_offset)
    SELECT topic, partition, new FROM moved WHERE EXISTS (SELECT FROM held)
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM before) AS before
"""
_CLEAR: Final = """
DELETE FROM relayed USING unnest($1::text[], $2::integer[]) AS moved (topic, partition)
WHERE relayed.topic = moved.topic AND relayed.partition = moved.partition
"""
# A row may be there already when somebody else has taken the lead: then nothing of this is kept (see read_back.py).
_PUT: Final = """
INSERT INTO relayed (topic, partition, next_offset, is_first)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::boolean[])
ON CONFLICT DO NOTHING
"""


class Known(NamedTuple):
    """What is kept of one partition.

    Attributes:
        next_offset: behind the last record that needs no comparing.
        is_first: reading it for the first time has not come to its end.
    """

    next_offset: int
    is_first: bool = False


async def load(connection: Connection) -> dict[Partition, Known]:
    """What is kept of each partition."""
    rows = await connection.fetch(_LOAD)
    return {(row["topic"], row["partition"]): Known(row["next_offset"], row["is_first"]) for row in rows}


async def keep_sent(
    connection: Connection,
    lease: Lease,
    positions: Sequence[int],
    before: Mapping[Partition, int],
    after: Mapping[Partition, int],
) -> bool:
    """Delete sent rows and keep how far Kafka has acknowledged.

    Returns:
        False: not everything was as this relay believes. The lease is somebody else's, and nothing was done; or the
        database was put back behind its relay's back.
    """
    moving = sorted(after)
    row = await connection.fetchrow(
        _SENT,
        positions,
        lease.name,
        lease.holder,
        lease.fence,
        [topic for topic, _ in moving],
        [number for _, number in moving],
        [before.get(partition, -1) for partition in moving],
        [after[partition] for partition in moving],
    )
    had = sum(partition in before for partition in moving)
    return row is not None and (row["gone"], row["before"]) == (len(positions), had)


async def move(connection: Connection, known: Mapping[Partition, Known]) -> None:
    """Keep, in a transaction, how far the log was read back; other rows of these partitions go."""
    if not known:
        return
    moving = sorted(known)
    names = ([topic for topic, _ in moving], [number for _, number in moving])
    await connection.execute(_CLEAR, *names)
    await connection.execute(
        _PUT, *names, [known[one].next_offset for one in moving], [known[one].is_first for one in moving]
    )
