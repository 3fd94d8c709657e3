"""Claims of the work queue: take what is due, end what was taken, let the next of its key come; data and SQL only.

One row of a key at a time, the oldest first. Of the rows behind it most are `waiting`, which no claim reads:

- A row is put aside (`_DEMOTE`) only while an older live row of its key is locked FOR SHARE in the same statement, read
  anew under that lock. Whoever ends that older row (DELETE, or UPDATE to 'dead') needs a stronger lock and so comes
  either before, and then the row is not put aside, or after the demotion has committed.
- Who ends a row promotes the oldest live row of its key with the next statement of the same transaction (`_PROMOTE`).
  In READ COMMITTED each statement sees what had committed when it began, and so every demotion that had held the lock.
- Demotions wait for no lock (SKIP LOCKED), so they are in no deadlock.

So the oldest live row of a key is never left waiting. `_LIFT` mends, some minutes later, what somebody's own SQL did.
The claim itself believes no state: it takes a row only if no older live row of the key is there (`_HEAD`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from hoso_chassis.consequences import Cause, Priority
from hoso_chassis.postgres import Connection, Row

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)  # before all work
_CLEARED: Final = 100  # rows that one claim puts aside at most: about 10 ms
_REVIVED: Final = 17  # live rows of a key, its head among them, that are looked at for one that runs already

LEASES: Final = len(Priority)  # a side beside the priorities: what runs, by the end of its lease
Floors = Mapping[int, datetime]


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row of the queue.

    Attributes:
        attempts: claims so far, this one included; with the id it names this claim.
        lost: claims in a row, just before this one, that were never settled.
    """

    id: int
    kind: str
    key: str
    subject: UUID
    payload: bytes
    attempts: int
    lost: int
    expires_at: datetime
    cause: Cause

    @property
    def resumed(self) -> bool:
        """Whether an earlier claim of it was never settled."""
        return self.lost > 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a claim asks for.

    Attributes:
        kind: name of the kind of work.
        limit: rows at most.
        lease: how long the rows are kept from others.
        resumed: of them, rows at most whose last claim was lost.
        longest_first: pass over priorities and take what has been due for longest.
        floors: by side, an instant before which no live row stands; absent: look at everything.
    """

    kind: str
    limit: int
    lease: timedelta
    resumed: int
    longest_first: bool = False
    floors: Floors = field(default_factory=dict[int, datetime])


def sides(floors: Floors) -> tuple[list[int], list[datetime], datetime]:
    """The priorities and their floors, as the columns of an unnest; and the floor of leases."""
    at = [floors.get(side, BEGINNING) for side in (*Priority, LEASES)]
    return list(Priority), at[:LEASES], at[LEASES]


# A queue's table is mostly dead rows, and the planner's statistics then say that it is empty: to it all plans cost the
# same, also one that walks over a whole index. So each look is written so that one index alone fits it: `state || ''`
# fits those of due rows, `state` that of keys, and `lower(state)` none; the range of one value gives an order that no
# other index has.
#
# $1 kind, $2 priorities, $3 floors, $4 floor of leases, $5 rows to look at of each. Nothing is locked here.
# `oldest`: the head of the row's key, which may be itself.
_SEEN = """
WITH seen AS MATERIALIZED (
    SELECT due.*, (SELECT live.id FROM work AS live
                   WHERE live.key >= due.key AND live.key <= due.key AND live.state <> 'dead'
                   ORDER BY live.key, live.id LIMIT 1) AS oldest
    FROM (
        SELECT ready.* FROM unnest($2::smallint[], $3::timestamptz[]) AS side (priority, floor)
        CROSS JOIN LATERAL (
            SELECT id, key, state, priority, run_at AS due_at FROM work
            WHERE kind = $1 AND priority = side.priority AND state || '' = 'ready'
              AND run_at >= side.floor AND run_at <= now()
            ORDER BY run_at LIMIT $5
        ) AS ready
        UNION ALL (
            SELECT id, key, state, priority, lease_until FROM work
            WHERE kind = $1 AND state || '' = 'running' AND lease_until >= $4 AND lease_until <= now()
            ORDER BY lease_until LIMIT $5
        )
    ) AS due
)
"""
# A row that was dead and is ready again may be older than one that runs: it waits for it, in its place.
_HEAD = f"""
seen.oldest = seen.id AND NOT EXISTS (
    SELECT FROM (SELECT id, state, lease_until FROM work AS live
                 WHERE live.key >= seen.key AND live.key <= seen.key AND live.state <> 'dead'
                 ORDER BY live.key, live.id LIMIT {_REVIVED}) AS live
    WHERE live.id <> seen.id AND live.state = 'running' AND live.lease_until > now())
"""  # noqa: S608 - of this module's own words
# $6 limit, $7 lease, $8 resumed, $9 longest first. The attempt is counted here, at the claim, so that a call that kills
# its process is counted too. There is always one row in the answer: `blocked` says how many seen rows are no heads.
_CLAIM = f"""
{_SEEN}, heads AS MATERIALIZED (
    SELECT id, state, due_at, CASE WHEN $9 THEN 0 ELSE priority END AS priority,
           row_number() OVER (PARTITION BY state ORDER BY CASE WHEN $9 THEN 0 ELSE priority END, due_at) AS number
    FROM seen WHERE {_HEAD}
), taken AS (
    SELECT locked.id
    FROM (SELECT id FROM heads WHERE state = 'ready' OR number <= $8 ORDER BY priority, due_at) AS head
    CROSS JOIN LATERAL (
        SELECT id FROM work
        WHERE id >= head.id AND id <= head.id
          AND (lower(state) = 'ready' AND run_at <= now() OR lower(state) = 'running' AND lease_until <= now())
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS locked LIMIT $6
), claimed AS (
    UPDATE work SET state = 'running', attempts = attempts + 1, lease_until = now() + $7, run_at = now() + $7,
                    lost_claims = lost_claims + (state = 'running')::int
    WHERE id = ANY (ARRAY(SELECT id FROM taken))
    RETURNING id, kind, key, subject, payload, attempts, lost_claims, expires_at, traceparent, correlation_id,
              causation_id, replay_id
)
SELECT blocked.rows AS blocked, claimed.*
FROM (SELECT count(*) AS rows FROM seen WHERE oldest <> id) AS blocked LEFT JOIN claimed ON true
ORDER BY claimed.id
"""  # noqa: S608 - of this module's own words
_DEMOTE = f"""
{_SEEN}, held AS (
    SELECT behind.id FROM seen
    CROSS JOIN LATERAL (SELECT FROM work WHERE id >= seen.oldest AND id <= seen.oldest AND lower(state) <> 'dead'
                        ORDER BY id LIMIT 1 FOR SHARE SKIP LOCKED) AS head
    CROSS JOIN LATERAL (SELECT id FROM work WHERE id >= seen.id AND id <= seen.id AND lower(state) = 'ready'
                        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) AS behind
    WHERE seen.oldest <> seen.id
), demoted AS (
    UPDATE work SET state = 'waiting' WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING 1
)
SELECT count(*) FROM demoted
"""  # noqa: S608 - of this module's own words
_PROMOTE = """
UPDATE work SET state = 'ready', run_at = clock_timestamp()
WHERE lower(state) = 'waiting' AND id = ANY (ARRAY(
    SELECT (SELECT live.id FROM work AS live
            WHERE live.key >= ended.key AND live.key <= ended.key AND live.state <> 'dead'
            ORDER BY live.key, live.id LIMIT 1)
    FROM unnest($1::text[]) AS ended (key)))
"""
_SETTLE = """
DELETE FROM work
WHERE id = ANY ($1::bigint[]) AND attempts = ($2::int[])[array_position($1, id)] AND lower(state) = 'running'
RETURNING id
"""
_BURY = """
UPDATE work SET state = 'dead', lease_until = NULL, died_at = now(), last_error = ($3::text[])[array_position($1, id)]
WHERE id = ANY ($1::bigint[]) AND attempts = ($2::int[])[array_position($1, id)] AND lower(state) = 'running'
RETURNING id
"""
# An attempt that ended by itself shows that the call kills nobody; one that never began ($5) shows nothing.
_RETRY = """
UPDATE work SET state = 'ready', lease_until = NULL,
                run_at = clock_timestamp() + ($3::interval[])[array_position($1, id)],
                last_error = ($4::text[])[array_position($1, id)],
                lost_claims = CASE WHEN ($5::boolean[])[array_position($1, id)] THEN lost_claims ELSE 0 END
WHERE id = ANY ($1::bigint[]) AND attempts = ($2::int[])[array_position($1, id)] AND lower(state) = 'running'
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim took, and how many rows it put aside: where there are some, there may be more behind them."""

    jobs: Sequence[Job]
    cleared: int = 0


async def claim(connection: Connection, wanted: Wanted) -> Claimed:
    """Take due rows, and put those aside that stand in the way and are not the head of their key.

    Each statement commits by itself, unless the caller has opened a transaction; no call is made before that.
    """
    jobs, blocked = await _take(connection, wanted)
    if not blocked:
        return Claimed(jobs)
    cleared = await connection.fetchval(_DEMOTE, wanted.kind, *sides(wanted.floors), _CLEARED)
    if cleared and not jobs:
        jobs, _ = await _take(connection, wanted)
    return Claimed(jobs, cleared)


async def _take(connection: Connection, wanted: Wanted) -> tuple[Sequence[Job], int]:
    rows = await connection.fetch(
        _CLAIM,
        wanted.kind,
        *sides(wanted.floors),
        4 * wanted.limit + 16,
        wanted.limit,
        wanted.lease,
        wanted.resumed,
        wanted.longest_first,
    )
    return [_job(row) for row in rows if row["id"] is not None], rows[0]["blocked"]


def _job(row: Row) -> Job:
    cause = Cause(row["correlation_id"], row["causation_id"], row["traceparent"], row["replay_id"])
    return Job(
        row["id"],
        row["kind"],
        row["key"],
        row["subject"],
        row["payload"],
        row["attempts"],
        row["lost_claims"],
        row["expires_at"],
        cause,
    )


@dataclass(frozen=True, slots=True)
class Again:
    """A claimed row that goes back: due after `delay` seconds. `lapsed`: its call never began."""

    job: Job
    delay: float
    error: str
    lapsed: bool = False


async def retry(connection: Connection, again: Sequence[Again]) -> None:
    """Put rows back; a claim that was lost meanwhile changes nothing."""
    await connection.execute(
        _RETRY,
        [one.job.id for one in again],
        [one.job.attempts for one in again],
        [timedelta(seconds=one.delay) for one in again],
        [one.error for one in again],
        [one.lapsed for one in again],
    )


async def settle(connection: Connection, jobs: Sequence[Job]) -> set[int]:
    """Delete rows inside the transaction that records their results; the ids whose claim was not lost meanwhile."""
    rows = await connection.fetch(_SETTLE, [job.id for job in jobs], [job.attempts for job in jobs])
    return {row["id"] for row in rows}


async def bury(connection: Connection, errors: Sequence[tuple[Job, str]]) -> set[int]:
    """Keep rows as dead, visibly; the ids whose claim was not lost meanwhile."""
    rows = await connection.fetch(
        _BURY,
        [job.id for job, _ in errors],
        [job.attempts for job, _ in errors],
        [error for _, error in errors],
    )
    return {row["id"] for row in rows}


async def promote(connection: Connection, jobs: Sequence[Job]) -> None:
    """Let the next of each key come: a statement of its own, after settle and bury in their transaction."""
    await connection.execute(_PROMOTE, [job.key for job in jobs])


_OLDEST = """
SELECT min(first.created_at) FROM (
    SELECT ready.created_at FROM unnest($2::smallint[], $3::timestamptz[]) AS side (priority, floor)
    CROSS JOIN LATERAL (SELECT created_at FROM work
                        WHERE kind = $1 AND priority = side.priority AND state || '' = 'ready'
                          AND run_at >= side.floor
                        ORDER BY run_at LIMIT 1) AS ready
    UNION ALL (SELECT created_at FROM work WHERE kind = $1 AND state || '' = 'running' AND lease_until >= $4
               ORDER BY lease_until LIMIT 1)
) AS first
"""
_DEAD = "SELECT count(*) FROM work WHERE kind = $1 AND state = 'dead'"


async def measure(connection: Connection, kind: str, floors: Floors) -> tuple[datetime | None, int]:
    """When the live row due first was enqueued, and how many rows are dead."""
    oldest = await connection.fetchval(_OLDEST, kind, *sides(floors))
    return oldest, await connection.fetchval(_DEAD, kind)
