"""Performs ordered work: claim, call outside of any transaction, then record the result with what it announces."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Any, Final, Generic, TypeVar

import structlog

from hoso_chassis import incarnation
from hoso_chassis.breaker import Breaker
from hoso_chassis.calls import Call, Ended
from hoso_chassis.claims import Again, Claimed, Job, Wanted, bury, claim, measure, promote, retry, settle
from hoso_chassis.consequences import Cause
from hoso_chassis.database import Database, Transaction
from hoso_chassis.inbound import Store
from hoso_chassis.metrics import BREAKER, WORK_AGE, WORK_ATTEMPTS, WORK_DEAD
from hoso_chassis.policy import NoSuchAggregate, place
from hoso_chassis.postgres import AWAY, CONFLICT, Connection
from hoso_chassis.target_limits import Gate
from hoso_chassis.work import Kind
from hoso_chassis.work_floors import FloorKeeper

A = TypeVar("A")
_HELD_SECONDS: Final = 0.5  # between two looks at a database that is away
_SPARE_SECONDS: Final = 10.0  # a claim lasts so much longer than the call it is for
_BEGIN_SECONDS: Final = 8.0  # after its claim a call may begin: one that begins later could outlive the claim
_LONGEST_FIRST: Final = 8  # one claim of so many passes over the priorities, so that nothing starves
_STATES: Final = {"closed": 0, "half-open": 1, "open": 2}

log = structlog.get_logger()


@dataclass(slots=True)
class Performer(Generic[A]):
    """Runs one kind of work for one service until stopped.

    Attributes:
        breaker: of the target, shared by every kind that goes there.
        gate: limits of the target over all replicas; None: its kind's own, with no other kind that goes there.
    """

    database: Database
    kind: Kind[Any, Any, A]
    store: Store[A]
    breaker: Breaker
    on_turn: Callable[[], None] = lambda: None
    shortest_wait: float = 0.02
    longest_wait: float = 0.2
    gate: Gate | None = None
    _running: dict[asyncio.Task[Ended], Job] = field(default_factory=dict[asyncio.Task[Ended], Job])
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _floors: FloorKeeper = field(init=False)
    _claims: int = 0

    def __post_init__(self) -> None:
        """Begin without a floor."""
        self._floors = FloorKeeper(self.kind.name)

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
        """Claim what may run now and begin it; the claim has committed before a call is made. Return what was moved."""
        room, is_probe = self.breaker.take(self.kind.concurrency - len(self._running))
        BREAKER.set(_STATES[self.breaker.state], target=self.kind.target)
        if room <= 0:
            return 0
        latest = monotonic() + _BEGIN_SECONDS
        claimed = Claimed(())
        try:
            claimed = await self._claim(room)
        finally:
            if is_probe and not claimed.jobs:
                self.breaker.give_back()
        for job in claimed.jobs:
            call = Call(self.kind, self.breaker, job, latest, is_probe)
            self._running[asyncio.create_task(call.make(self.database.clock()))] = job
        return len(claimed.jobs) + claimed.cleared

    async def _claim(self, room: int) -> Claimed:
        wanted = Wanted(
            self.kind.name,
            room,
            lease=timedelta(seconds=self.kind.timeout + _SPARE_SECONDS),
            resumed=self._resumed_room(room),
            longest_first=self._claims % _LONGEST_FIRST == _LONGEST_FIRST - 1,
            floors=self._floors.floors,
        )
        gate = self.gate or Gate(self.kind.target, (self.kind.name,), self.kind.limits)
        async with self.database.connection() as connection:
            standing = await incarnation.standing(connection) if self.kind.at_most_once else None
            if standing is not None and not standing.is_settled:
                return Claimed(())  # what this database does not know to be done may be done: its relay finds out first
            await self._floors.keep(connection)
            claimed = await (claim(connection, wanted) if gate.is_open else _claim_through(gate, connection, wanted))
        self._claims += bool(claimed.jobs)
        if standing is None:
            return claimed
        # As if its claim had been lost: it was, with the state that the database was put back from.
        jobs = [
            replace(job, lost=max(1, job.lost)) if standing.may_have_forgotten(job.cause.causation_id) else job
            for job in claimed.jobs
        ]
        return replace(claimed, jobs=jobs)

    def _resumed_room(self, room: int) -> int:
        """Rows whose claim was lost before may have killed their process: one at a time, so that each dies alone.

        What may be done once only is not called again, and so kills nobody.
        """
        if self.kind.at_most_once:
            return room
        return 0 if any(job.resumed for job in self._running.values()) else 1

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
        for task in done:
            del self._running[task]
        return len(ended)

    async def _record(self, ended: Sequence[Ended]) -> None:
        async with self.database.transaction() as tx:
            final = await self._close(tx.connection, ended)
            ids = sorted({one.job.subject for one in final})
            aggregates = await self.store.load(tx.connection, ids) if ids else {}
            for one in final:
                self._follow(tx, one, aggregates.get(one.job.subject))
            await self.store.save(tx.connection, list(aggregates.values()))
        for one in ended:
            WORK_ATTEMPTS.add(1, kind=self.kind.name, outcome=one.outcome)

    async def _close(self, connection: Connection, ended: Sequence[Ended]) -> list[Ended]:
        """End their rows; return what is to be recorded: claims that were lost meanwhile, and later tries, are not."""
        again = [Again(one.job, self._delay(one.job), one.again, one.lapsed) for one in ended if one.again is not None]
        over = [one for one in ended if one.again is None]
        errors = [(one.job, one.given_up or "unreadable") for one in over if one.given_up or one.unreadable]
        done = [one.job for one in over if not one.given_up and not one.unreadable]
        if again:
            await retry(connection, again)
        closed = await bury(connection, errors) if errors else set[int]()
        closed |= await settle(connection, done) if done else set[int]()
        if over:
            await promote(connection, [one.job for one in over])
        return [one for one in over if one.job.id in closed and not one.unreadable]

    def _follow(self, tx: Transaction, one: Ended, aggregate: A | None) -> None:
        if aggregate is None:
            raise NoSuchAggregate
        if one.given_up is not None:
            consequences = self.kind.give_up(one.payload, one.given_up, aggregate)
        else:
            consequences = self.kind.record(one.payload, one.result, aggregate)
        for consequence in consequences:
            tx.follow(consequence, _cause(one))

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
        async with self.database.transaction() as tx:
            await bury(tx.connection, [(one.job, "not-recordable")])
            await promote(tx.connection, [one.job])
        WORK_ATTEMPTS.add(1, kind=self.kind.name, outcome="not-recordable")

    async def measure(self) -> None:
        """Age of the oldest live work and number of dead rows, for the alerts; keeps the floor for the next start."""
        async with self.database.connection() as connection:
            oldest, dead = await measure(connection, self.kind.name, self._floors.floors)
            await self._floors.store(connection)
        age = (self.database.clock() - oldest).total_seconds() if oldest else 0.0
        WORK_AGE.set(max(0.0, age), kind=self.kind.name)
        WORK_DEAD.set(dead, kind=self.kind.name)

    def _delay(self, job: Job) -> float:
        """Seconds until the next try: doubling, at most the longest, half of it by chance."""
        whole = min(self.kind.longest_delay, self.kind.first_delay * 2 ** min(job.attempts - 1, 20))
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


async def _claim_through(gate: Gate, connection: Connection, wanted: Wanted) -> Claimed:
    async with connection.transaction():
        room = await gate.enter(connection, wanted.limit)
        if not room:
            return Claimed(())
        claimed = await claim(connection, replace(wanted, limit=room))
        await gate.count(connection, len(claimed.jobs))
    return claimed


def _cause(one: Ended) -> Cause:
    cause = one.job.cause
    return Cause(cause.correlation_id, cause.causation_id, one.traceparent or cause.traceparent, cause.replay_id)
