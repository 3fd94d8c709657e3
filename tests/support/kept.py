"""What a running stack keeps, read at a moment when nothing moves in it; it changes nothing."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from minio import Minio

from hoso_contracts.topics import TOPICS
from hoso_stack.layout import SERVICES
from support.waiting import until_async

# Moves by itself: leases are renewed, code numbers are taken in blocks, workers note how far back they must look and
# how often they called, positions follow the records, and these are compared themselves. Idempotency-Keys are not among
# them: of what was refused not even the key is kept.
MOVING: Final = frozenset({"leases", "code_blocks", "positions", "work_floors", "work_calls"})
_TABLES: Final = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
"""
_BUSY: Final = "SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM work WHERE state <> 'dead')"


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything a stack keeps.

    Attributes:
        rows: of every table, by "<service>.<table>".
        objects: names in the bucket.
        records: of every topic, with the key, value and headers they have.
    """

    rows: Mapping[str, Sequence[asyncpg.Record]]
    objects: frozenset[str]
    records: tuple[ConsumerRecord, ...]

    def fingerprint(self) -> dict[str, Collection[Any]]:
        """What must be the same when nothing was left behind, in a form that shows no content when it is not."""
        rows = {name: sorted(hash(str(row)) for row in rows) for name, rows in self.rows.items()}
        still = {name: found for name, found in rows.items() if name.partition(".")[2] not in MOVING}
        places = {"records": sorted((one.topic, one.partition, one.offset) for one in self.records)}
        return {**still, **places, "objects": self.objects}


async def kept_when_still(env: Mapping[str, str], within: float = 45.0) -> Kept:
    """Wait until two looks, one after the other, find nothing under way and nothing changed between them."""
    seen: list[Kept | None] = [None]

    async def still() -> bool:
        seen.append(await _look(env))
        before, now = seen[-2:]
        return before is not None and now is not None and before.fingerprint() == now.fingerprint()

    await until_async(still, within=within)
    assert seen[-1] is not None
    return seen[-1]


async def kept_at_rest(env: Mapping[str, str], within: float = 45.0) -> Kept:
    """Wait for one look at which nothing is under way: enough to see whether the last request has left something."""
    seen: list[Kept] = []

    async def at_rest() -> bool:
        seen.extend(found for found in [await _look(env)] if found is not None)
        return bool(seen)

    await until_async(at_rest, within=within)
    return seen[0]


async def _look(env: Mapping[str, str]) -> Kept | None:
    """What is kept now; None while something is under way: to be sent, on the way, or to be done."""
    rows: dict[str, Sequence[asyncpg.Record]] = {}
    busy = False
    for service in SERVICES:
        connection = await asyncpg.connect(env[f"{service.upper()}_DATABASE_URL"])
        try:
            busy |= await connection.fetchval(_BUSY)
            for (table,) in await connection.fetch(_TABLES):
                rows[f"{service}.{table}"] = await connection.fetch(f'SELECT * FROM "{table}"')  # noqa: S608 - of the catalogue
        finally:
            await connection.close()
    records = await read_all(env["KAFKA_BOOTSTRAP_SERVERS"])
    return None if busy or not _all_taken(records, rows) else Kept(rows, objects(env), tuple(records))


def _all_taken(records: Sequence[ConsumerRecord], rows: Mapping[str, Sequence[asyncpg.Record]]) -> bool:
    """Whether every service stands behind the last record of every topic that it reads."""
    last = {(one.topic, one.partition): one.offset for one in records}
    for service in SERVICES:
        stands = {(row["topic"], row["partition"]): row["next_offset"] for row in rows[f"{service}.positions"]}
        for place, offset in last.items():
            if service in TOPICS[place[0]].consumers and stands.get(place, 0) <= offset:
                return False
    return True


async def read_all(bootstrap_servers: str) -> list[ConsumerRecord]:
    """Every record of every topic, from the first to the last that is there now, as it lies in the log."""
    consumer = AIOKafkaConsumer(
        *TOPICS,
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    found: list[ConsumerRecord] = []
    try:
        ends = await consumer.end_offsets(consumer.assignment())

        async def at_end() -> bool:
            for records in (await consumer.getmany(timeout_ms=20)).values():
                found.extend(records)
            return all([await consumer.position(place) >= end for place, end in ends.items()])

        await until_async(at_end, within=30)
    finally:
        await consumer.stop()
    return [one for one in found if one.offset < ends[TopicPartition(one.topic, one.partition)]]


def objects(env: Mapping[str, str]) -> frozenset[str]:
    """The names of all objects in the bucket."""
    endpoint = re.sub("^http://", "", env["S3_ENDPOINT"])
    client = Minio(endpoint, env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"], secure=False)
    return frozenset(str(one.object_name) for one in client.list_objects(env["S3_BUCKET"], recursive=True))
