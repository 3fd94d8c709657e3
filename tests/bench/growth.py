"""What a submit and a batch cost beside 10^4 and 10^6 dossiers (HOSO_BENCH_DOSSIERS), an old snapshot held open.

Ours is the large database, the limit the small one: the same service, the same requests. Measured are buffers that a
submit touches, its p50, and records a second that a batch of verdicts takes to be in. What would make the ratios
rise: a statement without an index that fits, an index that grows with history, a look at rows that are gone and not
yet cleared.
"""

import asyncio
import os
import time
from dataclasses import replace
from statistics import median
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.measured import Bench, Run, result, tell, write
from bench.places import Place, place
from bench.submits import fill, submit_all
from hoso_chassis.batch import Batches
from hoso_chassis.database import Database
from hoso_contracts.identity import IdentityVerified
from hoso_dossier.handlers import inbound
from hoso_dossier.policy import POLICY
from hoso_dossier.store import DossierStore
from support.counting import envelope, record

SMALL: Final = 10_000
LARGE: Final = int(os.environ.get("HOSO_BENCH_DOSSIERS", "1000000"))
SUBMITS: Final = 600
BATCHES: Final = 12
_BUFFERS: Final = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
_GROW: Final = (
    """
    INSERT INTO dossiers (id, code, procedure, procedure_version, procedure_name, procedure_case, agency, owner,
                          channel, status, version, submitted_at, moved_at, verification_id, verification_answer,
                          verification_asked_at, correlation_id, email, phone, answers)
    SELECT gen_random_uuid(), 'G01.999.000.000-250101-' || n, procedure, procedure_version, procedure_name,
           procedure_case, agency, 'grown-' || n, channel, 2, 2, submitted_at, moved_at, gen_random_uuid(), 'verified',
           verification_asked_at, gen_random_uuid(), email, phone, answers
    FROM (SELECT * FROM dossiers LIMIT 1) AS one, generate_series($1::bigint, $2::bigint) AS n
    """,
    """
    INSERT INTO attachments (dossier_id, id, component, sha256, size, media_type, stored_at, verdict, verdict_at)
    SELECT id, gen_random_uuid(), 'proof-of-dwelling', repeat('a1', 32), 12345, 'application/pdf', now(), 'clean', now()
    FROM dossiers WHERE owner LIKE 'grown-%' AND NOT EXISTS (SELECT FROM attachments WHERE dossier_id = dossiers.id)
    """,
    """
    INSERT INTO notifications (dossier_id, id, channel, occasion, template, requested_at, state, settled_at)
    SELECT id, gen_random_uuid(), channel.name, occasion, 'dossier-' || occasion, now(), 'delivered', now()
    FROM dossiers, unnest(ARRAY['email', 'sms']) AS channel (name), unnest(ARRAY['submitted', 'accepted']) AS occasion
    WHERE owner LIKE 'grown-%' AND NOT EXISTS (SELECT FROM notifications WHERE dossier_id = dossiers.id)
    """,
    """
    INSERT INTO status_changes (dossier_id, version, status, at, actor_kind)
    SELECT id, step, step, now(), 'system' FROM dossiers, generate_series(1, 2) AS step
    WHERE owner LIKE 'grown-%' AND NOT EXISTS (SELECT FROM status_changes WHERE dossier_id = dossiers.id)
    """,
    """
    INSERT INTO timeline (dossier_id, at, kind, about, told)
    SELECT id, now(), 'kind-' || line, id, '{"channel": "email", "occasion": "submitted"}'
    FROM dossiers, generate_series(1, 8) AS line
    WHERE owner LIKE 'grown-%' AND NOT EXISTS (SELECT FROM timeline WHERE dossier_id = dossiers.id)
    """,
    """
    INSERT INTO streams (topic, subject, sequence) SELECT 'dossier.lifecycle.v1', id, 2 FROM dossiers
    WHERE owner LIKE 'grown-%' ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO inbox (source, id, time)
    SELECT '/hoso/identity', gen_random_uuid(), now() - random() * interval '20 days'
    FROM generate_series($1::bigint, $2::bigint)
    """,
)


async def main() -> None:
    """Measure small, grow, measure large."""
    with place("dossier-api", "dossier-relay") as servers:
        await submit_all(servers, await fill(servers, 200))
        await _grow(servers, 0, SMALL)
        small = await _measure(servers)
        tell(f"growth: {SMALL} dossiers: {small}")
        await _grow(servers, SMALL, LARGE)
        large = await _measure(servers)
        tell(f"growth: {LARGE} dossiers: {large}")
    for name, unit, must, is_cost in (
        ("buffers", "buffers/submit", 1.3, True),
        ("p50", "ms/submit", 1.15, True),
        ("consume", "records/s", 1 / 1.15, False),
    ):
        bench = Bench(
            f"growth-{name}",
            unit,
            f"the same beside {SMALL} dossiers",
            round(must, 2),
            1.05 if is_cost else 0.95,
            is_cost=is_cost,
            conditions=f"{LARGE} dossiers with their rows; a snapshot held open meanwhile",
        )
        runs = [Run(1, 1, more=found) for found in (large, small)]
        write(result(replace(bench), runs[:1], runs[1:], ([large[name]], [small[name]])))


async def _grow(servers: Place, begin: int, end: int) -> None:
    connection = await asyncpg.connect(servers.env["DOSSIER_DATABASE_URL"])
    for statement in _GROW:
        await connection.execute(statement, *((begin + 1, end) if "$1" in statement else ()))
    await connection.execute("VACUUM (ANALYZE)")
    await connection.close()


async def _measure(servers: Place) -> dict[str, float]:
    """One old snapshot is held by a transaction that has read, and does nothing more."""
    holder = await asyncpg.connect(servers.env["DOSSIER_DATABASE_URL"])
    snapshot = holder.transaction(isolation="repeatable_read")
    await snapshot.start()
    await holder.fetchval("SELECT count(*) FROM code_blocks")
    try:
        await submit_all(servers, await fill(servers, 200))
        drafts = await fill(servers, SUBMITS)
        before = await _buffers(servers)
        took = await submit_all(servers, drafts)
        buffers = (await _buffers(servers) - before) / SUBMITS
        rate = await _consume(servers, [one.draft_id for one in drafts])
    finally:
        await snapshot.rollback()
        await holder.close()
    return {"buffers": buffers, "p50": median(took) * 1000, "consume": rate}


async def _buffers(servers: Place) -> int:
    """A backend tells its numbers when it has been idle for a second, or ends."""
    connection = await asyncpg.connect(servers.env["DOSSIER_DATABASE_URL"])
    try:
        last = -1
        while (found := await connection.fetchval(_BUFFERS)) != last:
            last = found
            await asyncio.sleep(2.5)
        return last
    finally:
        await connection.close()


async def _consume(servers: Place, dossiers: list[UUID]) -> float:
    """Verdicts about dossiers that wait for them, in batches, as the worker takes them."""
    database = Database(servers.env["DOSSIER_DATABASE_URL"], "/hoso/dossier", size=2)
    await database.open()
    batches: Batches[Any] = Batches(database, "bench", inbound, DossierStore(), POLICY)
    topic, partition = IdentityVerified.topic, (IdentityVerified.topic, 0)
    async with database.connection() as connection:
        asked = {
            row["id"]: row["verification_id"]
            for row in await connection.fetch("SELECT id, verification_id FROM dossiers WHERE id = ANY($1)", dossiers)
        }
        await connection.execute(
            "INSERT INTO positions VALUES ('bench', $1, 0, 0) ON CONFLICT (consumer_group, topic, partition) "
            "DO UPDATE SET next_offset = 0",
            topic,
        )
        now = await connection.fetchval("SELECT now()")
    events = [
        IdentityVerified(dossier_id=one, verification_id=verification, verified_at=now)
        for one, verification in asked.items()
    ]
    expected, size = {partition: 0}, len(events) // BATCHES
    taken = [
        [record(envelope(one), begin + at) for at, one in enumerate(events[begin : begin + size])]
        for begin in range(0, size * BATCHES, size)
    ]
    took: list[float] = []
    for records in taken:
        since = time.perf_counter()
        expected = await batches.take(records, expected)
        took.append(time.perf_counter() - since)
    await database.close()
    return size / median(took)
