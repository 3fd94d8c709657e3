"""Bare aiokafka, orjson and set-based SQL: state, inbox, outbox and position in one transaction a batch."""

import asyncio
import os
import sys
from uuid import UUID

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from uuid_utils.compat import uuid7

from bench.stopwatch import Stopwatch

TOPIC = "identity.verifications.v1"
RECORDS = int(os.environ.get("HOSO_BENCH_RECORDS", "60000"))
POSITIONS = """
UPDATE positions SET next_offset = m.following FROM unnest($1::integer[], $2::bigint[], $3::bigint[])
AS m (partition, expected, following)
WHERE consumer_group = 'limit' AND topic = 'identity.verifications.v1' AND positions.partition = m.partition
AND next_offset = m.expected
"""
INBOX = """
INSERT INTO inbox (source, id, time) SELECT source, id, time::timestamptz
FROM unnest($1::text[], $2::uuid[], $3::text[]) AS r (source, id, time) ON CONFLICT DO NOTHING
"""
LOAD = "SELECT dossier_id, seen FROM counts WHERE dossier_id = ANY($1::uuid[]) ORDER BY 1 FOR UPDATE"
SAVE = """
INSERT INTO counts (dossier_id, seen, last_verification) SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[])
ON CONFLICT (dossier_id) DO UPDATE SET seen = EXCLUDED.seen, last_verification = EXCLUDED.last_verification
"""
OUTBOX = """
INSERT INTO outbox (topic, type, key, value, headers) SELECT topic, type, key, value, headers::jsonb
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::text[]) AS r (topic, type, key, value, headers)
"""


async def main(size: int) -> None:
    """Read all partitions from their beginnings until everything is committed."""
    watch = Stopwatch()
    database = await asyncpg.connect(os.environ["BENCH_DATABASE_URL"])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
        isolation_level="read_committed",
    )
    await consumer.start()
    partitions = [TopicPartition(TOPIC, number) for number in range(12)]
    consumer.assign(partitions)
    position = dict.fromkeys(range(12), 0)
    await database.executemany(
        "INSERT INTO positions VALUES ('limit', $1, $2, 0)", [(TOPIC, number) for number in position]
    )
    await consumer.seek_to_beginning(*partitions)
    taken = 0
    while taken < RECORDS:
        fetched = await consumer.getmany(timeout_ms=100, max_records=size)
        records = [record for batch in fetched.values() for record in batch]
        if not records:
            continue
        watch.begin()
        following = {one.partition: batch[-1].offset + 1 for one, batch in fetched.items() if batch}
        sources: list[str] = []
        ids: list[str] = []
        times: list[str] = []
        events: list[tuple[UUID, UUID, str]] = []
        headers: list[str] = []
        for record in records:
            given = {name: value or b"" for name, value in record.headers}
            sources.append(given["ce_source"].decode())
            ids.append(given["ce_id"].decode())
            times.append(given["ce_time"].decode())
            data = orjson.loads(record.value or b"")
            events.append((UUID(data["dossier_id"]), UUID(data["verification_id"]), data["verified_at"]))
            said = {name: value.decode() for name, value in given.items()}
            said |= {"ce_id": str(uuid7()), "ce_source": "/hoso/dossier", "ce_causationid": ids[-1]}
            headers.append(orjson.dumps([[name, value] for name, value in said.items()]).decode())
        async with database.transaction():
            moved = sorted(following)
            await database.execute(POSITIONS, moved, [position[n] for n in moved], [following[n] for n in moved])
            await database.execute(INBOX, sources, ids, times)
            about = sorted({one[0] for one in events})
            seen = {row["dossier_id"]: row["seen"] for row in await database.fetch(LOAD, about)}
            last: dict[UUID, UUID] = {}
            for dossier_id, verification_id, _ in events:
                seen[dossier_id] = seen.get(dossier_id, 0) + 1
                last[dossier_id] = verification_id
            await database.execute(SAVE, about, [seen[one] for one in about], [last[one] for one in about])
            await database.execute(
                OUTBOX,
                ["attachment.check-requests.v1"] * len(events),
                ["hoso.attachment.check-requested.v1"] * len(events),
                [str(one[0]).encode() for one in events],
                [
                    orjson.dumps({"attachments": [], "dossier_id": str(one[0]), "requested_at": one[2]})
                    for one in events
                ],
                headers,
            )
        position |= following
        taken += len(records)
    watch.end(taken)
    await consumer.stop()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
