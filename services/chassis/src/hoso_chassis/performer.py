"""Performs ordered work: claim, call outside of any transaction, then record the result with what it announces."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Generic, TypeVar

import structlog
from opentelemetry.trace import SpanKind

from hoso_chassis.breaker import Breaker
from hoso_chassis.consequences import Cause
from hoso_chassis.database import Database
from hoso_chassis.inbound import Store
from hoso_chassis.metrics import BREAKER, WORK_AGE, WORK_ATTEMPTS, WORK_DEAD
from hoso_chassis.policy import NoSuchAggregate, place
from hoso_chassis.postgres import AWAY, CONFLICT
from hoso_chassis.tracing import current_traceparent, span
from hoso_chassis.work import (
    GivenUp,
    Job,
    Kind,
    OutcomeUnknown,
    TargetRefused,
    TargetUnavailable,
    bury,
    claim,
    measure,
    retry,
    settle,
)

A = TypeVar("A")
_HELD_SECONDS = 0.5  # between two looks at a database that is away
_SPARE_SECONDS = 10.0  # a claim lasts so much longer than the call it is for
_BEGIN_SECONDS = 8.0  # after its claim a call may begin: one that begins later could outlive the claim
_STATES = {"closed": 0, "half-open": 1, "open": 2}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: with a result, with a reason to give up, or with a reason to try again."""

    job: Job
    payload: Any
    result: Any = None
    given_up: GivenUp | None = None
    again: str | None = None
    unreadable: bool = False
    traceparent: str | None = None

    @property
    def outcome(self) -> str:
        """In a word, for the metric."""
        return self.given_up or ("again" if self.again else "unreadable" if self.unreadable else "done")


@dataclass(slots=True)
class Performer(Generic[A]):
    """Runs one kind of work for one service until stopped."""

    database: Database
    kind: Kind[Any, Any, A]
    store: Store[A]
    breaker: Breaker
    on_turn: Callable[[], None] = lambda: None
    shortest_wait: float = 0.02
    longest_wait: float = 0.2
    _running: set[asyncio.Task[Ended]] = field(default_factory=set[asyncio.Task[Ended]])
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Work until `stop`; calls in flight are then finished and recorded."""
        wait = self.shortest_wait
        while not self._stopping.is_set():
            self.on_turn()
            begun = await self._guarded(self._begin)
            ended = await self._guarded(self._record_ended) if self._running else 0
            wait = self.shortest_wait if begun or ended else min(self.longest_wait, wait * 1.5)
            await self._pause(wait)
        while self._running:
            await self._guarded(self._record_ended)

    def stop(self) -> None:
        """Ask `run` to finish what is in flight and return."""
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        """Until something ends, `stop` is called, or the time is over."""
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stopping, *self._running}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _guarded(self, step: Callable[[], Any]) -> int:
        try:
            return await step()
        except (*AWAY, *CONFLICT) as error:
            log.warning("work-held", kind=self.kind.name, error=place(error))
            await asyncio.sleep(_HELD_SECONDS)
            return 0

    async def _begin(self) -> int:
        """Claim what may run now and begin it; the claim has committed before a call is made."""
        room = self.breaker.allowance(self.kind.concurrency - len(self._running))
        BREAKER.set(_STATES[self.breaker.state], target=self.kind.target)
        if room <= 0:
            return 0
        lease = timedelta(seconds=self.kind.timeout + _SPARE_SECONDS)
        latest = monotonic() + _BEGIN_SECONDS
        async with self.database.connection() as connection:
            jobs = await claim(connection, self.kind.name, room, lease)
        for job in jobs:
            self._running.add(asyncio.create_task(self._call(job, latest)))
        return len(jobs)

    async def _call(self, job: Job, latest: float) -> Ended:
        try:
            payload = self.kind.payload.model_validate_json(job.payload)
        except ValueError as error:
            log.error("work-unreadable", kind=self.kind.name, job=job.id, error=place(error))
            return Ended(job, None, unreadable=True)
        if job.resumed and self.kind.at_most_once:
            return Ended(job, payload, given_up="unknown")
        if job.expires_at <= self.database.clock():
            return Ended(job, payload, given_up="expired")
        if monotonic() > latest:  # the process was stopped, or starved, since the claim
            log.warning("claim-lapsed", kind=self.kind.name, job=job.id)
            return Ended(job, payload, again="claim-lapsed")
        with span(f"{self.kind.name} {self.kind.target}", parent=job.cause.traceparent, kind=SpanKind.CLIENT):
            return await self._outcome(job, payload, current_traceparent())

    async def _outcome(self, job: Job, payload: Any, traceparent: str | None) -> Ended:
        probe = self.breaker.begun()
        try:
            result = await asyncio.wait_for(self.kind.perform(payload), self.kind.timeout)
        except TargetRefused as error:
            self.breaker.succeeded()
            log.warning("work-refused", kind=self.kind.name, job=job.id, error=place(error))
            return Ended(job, payload, given_up="refused", traceparent=traceparent)
        except (OutcomeUnknown, TimeoutError) as error:
            self.breaker.failed(probe=probe)
            if self.kind.at_most_once:
                return Ended(job, payload, given_up="unknown", traceparent=traceparent)
            return Ended(job, payload, again=place(error))
        except Exception as error:  # noqa: BLE001 - tried again until its age ends it, visibly
            self.breaker.failed(probe=probe)
            if not isinstance(error, TargetUnavailable):
                log.error("work-failed", kind=self.kind.name, job=job.id, error=place(error))
            return Ended(job, payload, again=place(error))
        self.breaker.succeeded()
        return Ended(job, payload, result=result, traceparent=traceparent)

    async def _record_ended(self) -> int:
        """Record what has ended by now: together, else each by itself."""
        done = {task for task in self._running if task.done()}
        if not done and self._stopping.is_set():
            done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        ended = sorted((task.result() for task in done), key=lambda one: one.job.id)
        if ended:
            try:
                await self._record(ended)
            except (*AWAY, *CONFLICT):
                raise
            except Exception as error:  # noqa: BLE001 - one of them is at fault: the others must not suffer
                log.error("results-recorded-apart", kind=self.kind.name, error=place(error))
                for one in ended:
                    await self._record_alone(one)
        self._running -= done
        return len(ended)

    async def _record(self, ended: Sequence[Ended]) -> None:
        async with self.database.transaction() as tx:
            final: list[Ended] = []
            for one in ended:
                if one.again is not None:
                    await retry(tx.connection, one.job, self._delay(one.job), one.again)
                elif one.unreadable:
                    await bury(tx.connection, one.job, "unreadable")
                elif await self._close(tx.connection, one):
                    final.append(one)
            ids = sorted({one.job.subject for one in final})
            aggregates = await self.store.load(tx.connection, ids) if ids else {}
            for one in final:
                aggregate = aggregates.get(one.job.subject)
                if aggregate is None:
                    raise NoSuchAggregate
                for consequence in self._consequences(one, aggregate):
                    tx.follow(consequence, self._cause(one))
            await self.store.save(tx.connection, list(aggregates.values()))
        for one in ended:
            WORK_ATTEMPTS.add(1, kind=self.kind.name, outcome=one.outcome)

    async def _record_alone(self, one: Ended) -> None:
        """A result that cannot be recorded is given up as unknown; what cannot even be given up is buried, visibly."""
        for attempt in (one, replace(one, result=None, given_up="unknown")):
            try:
                await self._record([attempt])
            except (*AWAY, *CONFLICT):
                raise
            except Exception as error:  # noqa: BLE001
                log.error("result-not-recordable", kind=self.kind.name, job=one.job.id, error=place(error))
            else:
                return
        async with self.database.connection() as connection:
            await bury(connection, one.job, "not-recordable")
        WORK_ATTEMPTS.add(1, kind=self.kind.name, outcome="not-recordable")

    async def measure(self) -> None:
        """Age of the oldest live work and number of dead rows, for the alerts."""
        async with self.database.connection() as connection:
            oldest, dead = await measure(connection, self.kind.name)
        age = (self.database.clock() - oldest).total_seconds() if oldest else 0.0
        WORK_AGE.set(max(0.0, age), kind=self.kind.name)
        WORK_DEAD.set(dead, kind=self.kind.name)

    def _consequences(self, one: Ended, aggregate: A) -> Any:
        if one.given_up is not None:
            return self.kind.give_up(one.payload, one.given_up, aggregate)
        return self.kind.record(one.payload, one.result, aggregate)

    async def _close(self, connection: Any, one: Ended) -> bool:
        if one.given_up is not None:
            return await bury(connection, one.job, one.given_up)
        return await settle(connection, one.job)

    def _cause(self, one: Ended) -> Cause:
        cause = one.job.cause
        return Cause(cause.correlation_id, cause.causation_id, one.traceparent or cause.traceparent, cause.replay_id)

    def _delay(self, job: Job) -> float:
        """Seconds until the next try: doubling, at most the longest, half of it by chance."""
        whole = min(self.kind.longest_delay, self.kind.first_delay * 2 ** min(job.attempts - 1, 20))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
