"""Positions of the consumer group, kept beside the state they belong to; Kafka's own offsets are only for lag tools."""

from collections.abc import Iterable, Mapping

from hoso_chassis.postgres import Connection

Partition = tuple[str, int]  # topic, number

_LOAD = """
SELECT topic, partition, next_offset FROM positions
WHERE consumer_group = $1 AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::integer[]))
"""
_BEGIN = """
INSERT INTO positions (consumer_group, topic, partition, next_offset)
SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[])
ON CONFLICT DO NOTHING
"""
# Moves only from where this consumer believes it stands: fewer rows than asked for means that somebody else moved it.
_ADVANCE = """
UPDATE positions SET next_offset = move.following
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[]) AS move (topic, partition, expected, following)
WHERE consumer_group = $1 AND positions.topic = move.topic AND positions.partition = move.partition
  AND positions.next_offset = move.expected
"""
_HOLD = "SELECT FROM positions WHERE consumer_group = $1 AND topic = $2 AND partition = $3 FOR UPDATE"


class PartitionLost(Exception):
    """Another consumer of the group has moved a position of this batch; nothing of it may be kept."""


async def load(connection: Connection, group: str, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The next offset of each partition that has a row."""
    topics, numbers = _columns(partitions)
    rows = await connection.fetch(_LOAD, group, topics, numbers)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def begin(connection: Connection, group: str, offsets: Mapping[Partition, int]) -> None:
    """Write rows for partitions that this group reads for the first time."""
    topics, numbers = _columns(offsets)
    await connection.execute(_BEGIN, group, topics, numbers, list(offsets.values()))


async def advance(
    connection: Connection, group: str, expected: Mapping[Partition, int], following: Mapping[Partition, int]
) -> None:
    """Move every partition of `following` from its expected offset, or raise PartitionLost."""
    moving = sorted(following)
    topics, numbers = _columns(moving)
    tag = await connection.execute(
        _ADVANCE, group, topics, numbers, [expected[p] for p in moving], [following[p] for p in moving]
    )
    if tag != f"UPDATE {len(moving)}":
        raise PartitionLost(f"{group}: {tag} of {len(moving)} positions")


async def hold(connection: Connection, group: str, partition: Partition) -> None:
    """Keep the partition where it stands until the transaction ends: no batch of it commits meanwhile."""
    await connection.execute(_HOLD, group, *partition)


def _columns(partitions: Iterable[Partition]) -> tuple[list[str], list[int]]:
    pairs = list(partitions)
    return [topic for topic, _ in pairs], [number for _, number in pairs]
