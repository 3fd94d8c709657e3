"""One batch, one transaction: state, inbox, outbox, work, dead letters and positions move together or not at all."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

import structlog
from opentelemetry.trace import SpanKind

from hoso_chassis import dead_letters, faults, inbox, positions
from hoso_chassis.consequences import Cause
from hoso_chassis.database import Database, Transaction
from hoso_chassis.dead_letters import DeadLetter
from hoso_chassis.decoding import PassedOver, Taken, read
from hoso_chassis.faults import FaultCount
from hoso_chassis.inbound import Inbound, Store
from hoso_chassis.metrics import CONSUMED, DEAD_LETTERS
from hoso_chassis.policy import Failure, NoSuchAggregate, Policy, place
from hoso_chassis.positions import Partition
from hoso_chassis.postgres import Connection
from hoso_chassis.records import Record
from hoso_chassis.tracing import span

A = TypeVar("A")
_TRIES = 5  # a batch that meets another transaction is run again as it was

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Committed:
    """What a batch came to: `fresh` has the `id()` of each item that the inbox did not know."""

    fresh: set[int]
    dead: list[DeadLetter]


@dataclass(slots=True)
class Batches(Generic[A]):
    """Takes batches of raw records in for one consumer group."""

    database: Database
    group: str
    inbound: Inbound[A]
    store: Store[A]
    policy: Policy = field(default_factory=Policy)

    async def take(self, records: Sequence[Record], expected: Mapping[Partition, int]) -> dict[Partition, int]:
        """Commit everything that follows from the records and return the next offset of each partition.

        Raises:
            Halt: too many faults in a row.
            PartitionLost, or an error of `AWAY`: nothing of the batch was kept.
        """
        following = {(record.topic, record.partition): record.offset + 1 for record in records}
        incoming = [read(record, self.inbound) for record in records]
        self._count(incoming, await self._settle(incoming, expected, following))
        return following

    async def _settle(
        self,
        incoming: Sequence[Taken[A] | PassedOver | DeadLetter],
        expected: Mapping[Partition, int],
        following: Mapping[Partition, int],
    ) -> Committed:
        """Commit the batch as one; again when another transaction was in the way; record by record when it breaks."""
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._commit(incoming, expected, following, apart=False)
            except Exception as error:
                failure = self.policy.classify(error)
                if failure is Failure.CONFLICT and tries_left:
                    continue
                if failure is not Failure.BUG:
                    raise
                log.error("batch-failed-as-a-whole", group=self.group, records=len(incoming), error=place(error))
                break
        return await self._commit(incoming, expected, following, apart=True)

    async def _commit(
        self,
        incoming: Sequence[Taken[A] | PassedOver | DeadLetter],
        expected: Mapping[Partition, int],
        following: Mapping[Partition, int],
        *,
        apart: bool,
    ) -> Committed:
        taken = [item for item in incoming if isinstance(item, Taken)]
        async with (
            self.database.connection() as connection,
            faults.counted(connection, self.group, expected) as count,
            connection.transaction(),
        ):
            await positions.advance(connection, self.group, expected, following)
            fresh = {id(item) for item in await self.fresh(connection, taken)}
            await count.load(connection)
            # In the order they came: what is unreadable among good records is no fault in a row.
            items = [
                item
                for item in incoming
                if isinstance(item, DeadLetter) or (isinstance(item, Taken) and id(item) in fresh)
            ]
            dead = await (self.apart if apart else self._together)(connection, items, count)
            if dead:
                await dead_letters.bury(connection, self.group, dead)
            await count.save(connection)
        return Committed(fresh, dead)

    async def fresh(self, connection: Connection, taken: Sequence[Taken[A]]) -> list[Taken[A]]:
        """Remember the events in the inbox; return those that it did not know."""
        if not taken:
            return []
        answers = await inbox.add(connection, [item.envelope for item in taken])
        return [item for item, is_new in zip(taken, answers, strict=True) if is_new]

    async def _together(
        self, connection: Connection, items: Sequence[Taken[A] | DeadLetter], count: FaultCount
    ) -> list[DeadLetter]:
        """Load all aggregates once, run the handlers in memory, write everything once; letters are counted only."""
        ids = sorted({item.aggregate_id for item in items if isinstance(item, Taken)})
        aggregates = await self.store.load(connection, ids) if ids else {}
        tx = self.database.on(connection)
        touched: set[UUID] = set()
        dead: list[DeadLetter] = []
        for item in items:
            letter = item if isinstance(item, DeadLetter) else self._handle(tx, item, aggregates)
            count.after(letter)
            if letter is not None:
                dead.append(letter)
            elif isinstance(item, Taken):
                touched.add(item.aggregate_id)
        if touched:
            await self.store.save(connection, [aggregates[key] for key in sorted(touched)])
            await tx.flush()
        return dead

    async def apart(
        self, connection: Connection, items: Sequence[Taken[A] | DeadLetter], count: FaultCount
    ) -> list[DeadLetter]:
        """The same, a savepoint a record: to find the one that breaks a batch, and for a redrive."""
        dead: list[DeadLetter] = []
        for item in items:
            before = count.in_a_row
            try:
                async with connection.transaction():
                    dead += await self._together(connection, [item], count)
            except Exception as error:
                if isinstance(item, DeadLetter) or self.policy.classify(error) is not Failure.BUG:
                    raise
                letter = DeadLetter(item.record, item.envelope.type, "not-writable", place(error), is_fault=True)
                count.in_a_row = before
                count.after(letter)
                dead.append(letter)
        return dead

    def _handle(self, tx: Transaction, item: Taken[A], aggregates: dict[UUID, A]) -> DeadLetter | None:
        """Run one handler; when it raises, its aggregate and what it yielded are as before."""
        mark, before = tx.mark(), None
        told = {"cloudevents.event_type": item.envelope.type, "cloudevents.event_id": str(item.envelope.id)}
        with span(
            f"process {item.record.topic}", parent=item.envelope.traceparent, kind=SpanKind.CONSUMER, attributes=told
        ):
            try:
                aggregate = aggregates.get(item.aggregate_id)
                if aggregate is None:
                    raise NoSuchAggregate  # noqa: TRY301 - one place decides what a failure means
                before = copy.copy(aggregate)
                cause = Cause(item.envelope.correlationid, item.envelope.id, None, item.envelope.replayid)
                for consequence in item.route.handler(item.event, aggregate):
                    tx.follow(consequence, cause)
            except Exception as error:  # noqa: BLE001 - the policy decides
                tx.rewind(mark)
                if before is not None:
                    aggregates[item.aggregate_id] = before
                return self._letter(item, error)
        return None

    def _letter(self, item: Taken[A], error: Exception) -> DeadLetter:
        if isinstance(error, NoSuchAggregate):
            return DeadLetter(item.record, item.envelope.type, "no-such-aggregate")
        is_fault = self.policy.classify(error) is not Failure.PERMANENT
        if is_fault:
            log.error("handler-failed", type=item.envelope.type, event_id=str(item.envelope.id), error=place(error))
        return DeadLetter(item.record, item.envelope.type, "handler-failed", place(error), is_fault=is_fault)

    def _count(self, incoming: Sequence[Taken[A] | PassedOver | DeadLetter], committed: Committed) -> None:
        died = {id(letter.record) for letter in committed.dead}
        for item in incoming:
            if isinstance(item, Taken) and id(item.record) not in died:
                outcome = "taken" if id(item) in committed.fresh else "duplicate"
                CONSUMED.add(1, topic=item.record.topic, type=item.envelope.type, outcome=outcome)
            elif isinstance(item, PassedOver):
                CONSUMED.add(1, topic=item.record.topic, type="", outcome="passed-over")
        for letter in committed.dead:
            DEAD_LETTERS.add(1, topic=letter.record.topic, reason=letter.reason)
            place_in_topic = {"partition": letter.record.partition, "offset": letter.record.offset}
            log.error("dead-letter", topic=letter.record.topic, **place_in_topic, reason=letter.reason)
