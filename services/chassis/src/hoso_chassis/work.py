"""Ordered work: calls to the outside, recorded in a transaction and run outside of any; data and SQL only."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Generic, Literal, TypeVar

from pydantic import BaseModel

from hoso_chassis.consequences import Cause, Consequence, Work
from hoso_chassis.postgres import Connection
from hoso_chassis.target_limits import Limits
from hoso_chassis.tracing import current_traceparent

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R")
A = TypeVar("A")

DEAD_KEPT: Final = timedelta(days=14)
GivenUp = Literal["expired", "refused", "unknown"]


class TargetUnavailable(Exception):
    """The outside system did not do it and may do it later: retried with back-off, counted by the breaker."""


class NotThisOneYet(TargetUnavailable):
    """The outside system is well and did not do this one yet (greylisting): retried with back-off, no failure of it."""


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
        limits: of the target, over all replicas; the same for every kind of one target.
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
    limits: Limits = field(default_factory=Limits)


# Behind another one of its key in the same statement a row waits from the beginning: nobody can end the one before it
# until both are there. `clock_timestamp`: no row may turn up due long before it was written (see work_floors.py).
_INSERT = """
INSERT INTO work (kind, key, subject, payload, expires_at, traceparent, correlation_id, causation_id, replay_id,
                  priority, state, run_at)
SELECT kind, key, subject, payload, now() + max_age, traceparent, correlation_id, causation_id, replay_id, priority,
       CASE row_number() OVER (PARTITION BY key ORDER BY number) WHEN 1 THEN 'ready' ELSE 'waiting' END,
       clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bytea[], $5::interval[], $6::text[], $7::uuid[], $8::uuid[],
            $9::text[], $10::smallint[])
     WITH ORDINALITY
     AS row (kind, key, subject, payload, max_age, traceparent, correlation_id, causation_id, replay_id, priority,
             number)
ORDER BY number
"""
# Work that is asked for again takes the place of what had died of the same kind and subject.
_REVIVE = """
DELETE FROM work USING unnest($1::text[], $2::uuid[], $3::bytea[]) AS asked (kind, subject, payload)
WHERE work.state = 'dead' AND work.kind = asked.kind AND work.subject = asked.subject
  AND work.payload = asked.payload
"""
_FORGET = "DELETE FROM work WHERE state = 'dead' AND died_at < now() - $1::interval"


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
        payloads = [work.payload.model_dump_json().encode() for work, _ in self._items]
        await connection.execute(_REVIVE, kinds, subjects, payloads)
        await connection.execute(
            _INSERT,
            kinds,
            [work.key for work, _ in self._items],
            subjects,
            payloads,
            [self.max_ages[work.kind] for work, _ in self._items],
            [cause.traceparent for _, cause in self._items],
            [cause.correlation_id for _, cause in self._items],
            [cause.causation_id for _, cause in self._items],
            [cause.replay_id for _, cause in self._items],
            [work.priority for work, _ in self._items],
        )
        self._items.clear()


async def forget_dead(connection: Connection) -> None:
    """Delete dead work that has been kept long enough: it holds personal data."""
    await connection.execute(_FORGET, DEAD_KEPT)
