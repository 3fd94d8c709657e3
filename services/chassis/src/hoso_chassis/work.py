"""Ordered work: calls to the outside, recorded in a transaction and run outside of any; data and SQL only."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel

from hoso_chassis.consequences import Cause, Consequence, Work
from hoso_chassis.postgres import Connection, Row
from hoso_chassis.tracing import current_traceparent

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R")
A = TypeVar("A")

DEAD_KEPT: Final = timedelta(days=14)
GivenUp = Literal["expired", "refused", "unknown"]


class TargetUnavailable(Exception):
    """The outside system did not do it and may do it later: retried with back-off, counted by the breaker."""


class TargetRefused(Exception):
    """The outside system will never do it as asked: given up at once."""


class OutcomeUnknown(Exception):
    """The call was made and its answer lost; at-most-once work is given up as unknown, other work is tried again."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[P, R, A]):
    """One kind of work against one target.

    Attributes:
        name: what `Work.kind` says.
        target: name of the outside system; breaker and limits are per target.
        payload: model of the stored payload.
        perform: the call, outside any transaction; raises TargetUnavailable, TargetRefused or OutcomeUnknown.
        record: from payload, result and loaded aggregate to what follows; like a handler, inside the transaction.
        give_up: what follows when it is never going to be done.
        timeout: seconds a call may take.
        max_age: after this the work is given up as expired.
        at_most_once: a call that was begun and not settled is never made again.
        concurrency: calls in flight at a time in one process.
        first_delay: seconds before the second try; doubles, with jitter, up to `longest_delay`.
    """

    name: str
    target: str
    payload: type[P]
    perform: Callable[[P], Awaitable[R]]
    record: Callable[[P, R, A], Iterable[Consequence]]
    give_up: Callable[[P, GivenUp, A], Iterable[Consequence]]
    timeout: float = 10.0
    max_age: timedelta = timedelta(days=3)
    at_most_once: bool = False
    concurrency: int = 16
    first_delay: float = 0.5
    longest_delay: float = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed row of the queue. `resumed`: an earlier claim of it was never settled."""

    id: int
    kind: str
    subject: UUID
    payload: bytes
    attempts: int
    resumed: bool
    expires_at: datetime
    cause: Cause


_INSERT = """
INSERT INTO work (kind, key, subject, payload, expires_at, traceparent, correlation_id, causation_id, replay_id)
SELECT kind, key, subject, payload, now() + max_age, traceparent, correlation_id, causation_id, replay_id
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bytea[], $5::interval[], $6::text[], $7::uuid[], $8::uuid[],
            $9::text[])
     AS row (kind, key, subject, payload, max_age, traceparent, correlation_id, causation_id, replay_id)
"""
# Work that is asked for again takes the place of what had died of the same kind and subject.
_REVIVE = """
DELETE FROM work USING unnest($1::text[], $2::uuid[]) AS asked (kind, subject)
WHERE work.state = 'dead' AND work.kind = asked.kind AND work.subject = asked.subject
"""
_FORGET = "DELETE FROM work WHERE state = 'dead' AND died_at < now() - $1::interval"
_OLDEST = "SELECT created_at FROM work WHERE kind = $1 AND state <> 'dead' ORDER BY run_at LIMIT 1"
_DEAD = "SELECT count(*) FROM work WHERE kind = $1 AND state = 'dead'"
# Only the head of a key is due: an older live row of the same key holds the others back.
# The attempt is counted here, at the claim, so that a call that kills its process is counted too.
_CLAIM = """
WITH due AS (
    SELECT id, state = 'running' AS resumed FROM work AS w
    WHERE kind = $1 AND state <> 'dead' AND run_at <= now()
      AND NOT EXISTS (SELECT 1 FROM work AS older WHERE older.key = w.key AND older.id < w.id AND older.state <> 'dead')
    ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE work SET state = 'running', attempts = attempts + 1, lease_until = now() + $3, run_at = now() + $3
FROM due WHERE work.id = due.id
RETURNING work.id, kind, subject, payload, attempts, resumed, expires_at, traceparent, correlation_id, causation_id,
          replay_id
"""
_RETRY = """
UPDATE work SET state = 'ready', lease_until = NULL, run_at = now() + $3, last_error = $4
WHERE id = $1 AND attempts = $2 AND state = 'running'
"""
_SETTLE = "DELETE FROM work WHERE id = $1 AND attempts = $2 AND state = 'running' RETURNING id"
_BURY = """
UPDATE work SET state = 'dead', lease_until = NULL, died_at = now(), last_error = $3
WHERE id = $1 AND attempts = $2 AND state = 'running' RETURNING id
"""


@dataclass(slots=True)
class WorkItems:
    """The work enqueued in one transaction."""

    max_ages: Mapping[str, timedelta]
    _items: list[tuple[Work, Cause]] = field(default_factory=list[tuple[Work, Cause]])

    def add(self, work: Work, cause: Cause) -> None:
        """Collect one piece of work, with the trace that leads to it."""
        self._items.append((work, replace(cause, traceparent=cause.traceparent or current_traceparent())))

    def __len__(self) -> int:
        return len(self._items)

    def rewind(self, mark: int) -> None:
        """Forget what was collected since `len` was `mark`."""
        del self._items[mark:]

    async def flush(self, connection: Connection) -> None:
        """Insert all of it with one statement; ids, and so the order within a key, follow the order of enqueueing."""
        if not self._items:
            return
        kinds, subjects = [work.kind for work, _ in self._items], [work.subject for work, _ in self._items]
        await connection.execute(_REVIVE, kinds, subjects)
        await connection.execute(
            _INSERT,
            kinds,
            [work.key for work, _ in self._items],
            subjects,
            [work.payload.model_dump_json().encode() for work, _ in self._items],
            [self.max_ages[work.kind] for work, _ in self._items],
            [cause.traceparent for _, cause in self._items],
            [cause.correlation_id for _, cause in self._items],
            [cause.causation_id for _, cause in self._items],
            [cause.replay_id for _, cause in self._items],
        )
        self._items.clear()


async def claim(connection: Connection, kind: str, limit: int, lease: timedelta) -> Sequence[Job]:
    """Take up to `limit` due rows of a kind for the time of `lease`; commits before any call is made."""
    return [_job(row) for row in await connection.fetch(_CLAIM, kind, limit, lease)]


def _job(row: Row) -> Job:
    cause = Cause(row["correlation_id"], row["causation_id"], row["traceparent"], row["replay_id"])
    return Job(
        row["id"],
        row["kind"],
        row["subject"],
        row["payload"],
        row["attempts"],
        row["resumed"],
        row["expires_at"],
        cause,
    )


async def retry(connection: Connection, job: Job, delay: float, error: str) -> None:
    """Put the row back, due after `delay` seconds; a claim that was lost meanwhile changes nothing."""
    await connection.execute(_RETRY, job.id, job.attempts, timedelta(seconds=delay), error)


async def settle(connection: Connection, job: Job) -> bool:
    """Delete the row, inside the transaction that records its result; False when the claim was lost."""
    return await connection.fetchval(_SETTLE, job.id, job.attempts) is not None


async def bury(connection: Connection, job: Job, error: str) -> bool:
    """Keep the row as dead, visibly; the next of its key may run. False when the claim was lost."""
    return await connection.fetchval(_BURY, job.id, job.attempts, error) is not None


async def measure(connection: Connection, kind: str) -> tuple[datetime | None, int]:
    """When the live row due first was enqueued, and how many rows are dead."""
    return await connection.fetchval(_OLDEST, kind), await connection.fetchval(_DEAD, kind)


async def forget_dead(connection: Connection) -> None:
    """Delete dead work that has been kept long enough: it holds personal data."""
    await connection.execute(_FORGET, DEAD_KEPT)
