"""The consumer of one service: one batch in hand, positions from PostgreSQL, hold and halt; it judges no record."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)

from hoso_chassis import faults, positions
from hoso_chassis.batch import Batches
from hoso_chassis.metrics import POSITION_LAG
from hoso_chassis.policy import Failure, Halt, place, reason
from hoso_chassis.positions import Partition
from hoso_chassis.records import Record
from hoso_chassis.subscription import (
    SESSION_SECONDS,
    Fetch,
    Membership,
    Records,
    Subscription,
    record_of,
    subscribe,
)

A = TypeVar("A")
_RETRY_SECONDS = 0.5  # between two looks at a database that is away
_TELL_SECONDS = 5.0  # a commit waits for the group's coordinator for ever, and it is for lag tools only
_GAP_SECONDS = 10.0  # between two looks for positions that stand before a gap
_EXPULSIONS = 4  # that come faster than sessions can end: somebody else has the same name in the group
_CALLS_FOR_HALT = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, OffsetOutOfRangeError)

log = structlog.get_logger()


@dataclass(slots=True)
class Consumer(ConsumerRebalanceListener, Generic[A]):
    """One consumer group member of one service.

    FastStream turns the loop and hands over raw batches; what must not be lost is decided here: where reading
    begins (the position rows), that a batch in hand is finished before a partition moves, that a database which is away
    holds the consumer instead of skipping, and that some errors halt it.
    """

    batches: Batches[A]
    bootstrap_servers: str
    group_instance_id: str | None = None
    max_records: int = 500
    on_turn: Callable[[], None] = lambda: None
    halted: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _subscription: Subscription | None = None
    _stuck: bool = False
    _in_hand: asyncio.Lock = field(default_factory=asyncio.Lock)
    _generation: int = 0
    _fetched_in: int = 0
    _expected: dict[Partition, int] = field(default_factory=dict[Partition, int])
    _settling: asyncio.Task[None] | None = None
    _gaps_at: float = 0.0
    _expelled_at: deque[float] = field(default_factory=lambda: deque[float](maxlen=_EXPULSIONS))

    async def start(self) -> None:
        """Join the group; returns when the consumer runs."""
        inbound, group = self.batches.inbound, self.batches.group
        membership = Membership(self.bootstrap_servers, inbound.topics, group, self.group_instance_id, self.max_records)
        self._subscription = subscribe(membership, self, self._turn, self._take)
        await self._subscription.start()

    async def try_start(self) -> bool:
        """Start, or return False when no broker answers: then try again."""
        try:
            await self.start()
        except KafkaError as error:
            log.warning("waiting-for-broker", group=self.batches.group, error=place(error))
            await self.stop()
            return False
        return True

    @property
    def _consumer(self) -> AIOKafkaConsumer | None:
        return self._subscription.consumer if self._subscription else None

    async def stop(self) -> None:
        """Finish the batch in hand and leave."""
        if self._settling is not None:
            self._settling.cancel()
        if self._subscription is not None:
            await self._subscription.stop()

    async def _turn(self, get_batch: Fetch, consumer: AIOKafkaConsumer) -> Records:
        """One turn of FastStream's loop."""
        self.on_turn()
        if self.halted.done():
            await asyncio.sleep(1)  # the process is on its way out; only keep the loop from spinning until then
            return ()
        await self._pass_gaps(consumer)
        try:
            records = await get_batch(consumer)
        except NoOffsetForPartitionError:
            # The client looked for Kafka's offset of a new partition before the position row was sought to.
            return ()
        except _CALLS_FOR_HALT as error:
            self._halt(f"{type(error).__name__}: reading is not allowed or the position is gone from the log")
            return ()
        except ConsumerStoppedError:
            raise
        except Exception as error:
            self._stumble(error)
            if not self.halted.done():
                raise  # FastStream tries again in 5 seconds
            return ()
        self._fetched_in = self._generation
        return records

    def _stumble(self, error: Exception) -> None:
        """After a fetch that failed the client may stand past records that it did not hand over: seek, or halt.

        What it cannot unpack (another compression, a header's name that is no UTF-8) it will never get past.
        """
        if isinstance(error, KafkaError) and not isinstance(error, UnsupportedCodecError):
            log.warning("fetch-failed", group=self.batches.group, error=place(error))
            self._move_away()
        else:
            self._halt(f"{type(error).__name__}: the client cannot unpack what it fetched")

    async def _take(self, records: Records) -> None:
        """FastStream's handler: no error leaves it."""
        async with self._in_hand:
            if self._fetched_in != self._generation or self.halted.done():
                return  # fetched before the partitions moved: it comes again from the position rows
            try:
                await self._take_in_hand([record_of(record) for record in records])
            except Exception as error:  # noqa: BLE001
                self._give_back(error)

    async def _take_in_hand(self, records: Sequence[Record]) -> None:
        # While faults stand at the limit one record is tried alone, to see whether the fault was mended.
        following = await self.batches.take(records[:1] if self._stuck else records, self._expected)
        self._expected.update(following)
        self._measure_lag()
        await self._tell_kafka(following)
        if self._stuck:
            self._move_away()

    async def _pass_gaps(self, consumer: AIOKafkaConsumer) -> None:
        """Move positions over the log's last entries where those are no records: markers and aborted transactions.

        A quiet partition's position would else be overtaken when the log's time runs out, and count as gone from it.
        """
        if monotonic() < self._gaps_at or self._stuck:
            return
        async with self._in_hand:
            if self._settling is None or not self._settling.done():
                return  # the client stands elsewhere until it has sought to the position rows
            self._gaps_at = monotonic() + _GAP_SECONDS
            moved: dict[Partition, int] = {}
            with suppress(KafkaError, IllegalStateError):  # the partitions are moving: next time
                reached = {one: await consumer.position(TopicPartition(*one)) for one in self._expected}
                moved = {one: offset for one, offset in reached.items() if offset > self._expected[one]}
            if moved:
                await self._move_positions(moved)

    async def _move_positions(self, moved: Mapping[Partition, int]) -> None:
        try:
            async with self.batches.database.connection() as connection, connection.transaction():
                await positions.advance(connection, self.batches.group, self._expected, moved)
        except Exception as error:  # noqa: BLE001
            self._give_back(error)
            return
        self._expected.update(moved)
        self._measure_lag()
        await self._tell_kafka(moved)

    def _give_back(self, error: Exception) -> None:
        failure = self.batches.policy.classify(error)
        if failure in {Failure.HALT, Failure.BUG}:
            self._halt(reason(error))
            return
        log.warning("batch-given-back", group=self.batches.group, failure=failure.value, error=place(error))
        self._move_away()

    def _halt(self, reason: str) -> None:
        if not self.halted.done():
            self.halted.set_exception(Halt(reason))
        if self._consumer is not None:
            self._consumer.pause(*self._consumer.assignment())

    def _move_away(self) -> None:
        """Drop what was fetched, pause, and read on from the position rows as soon as the database answers."""
        self._generation += 1
        if self._consumer is None:
            return
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.create_task(self._settle(self._consumer, assigned))

    async def _settle(self, consumer: AIOKafkaConsumer, assigned: Iterable[TopicPartition]) -> None:
        """Seek to the position rows; tries until the database answers, while polling goes on with nothing fetched."""
        assigned = list(assigned)
        while True:
            try:
                self._expected = await self._load_positions(consumer, assigned)
                break
            except Exception as error:  # noqa: BLE001 - held, not skipped: the next look is the retry
                log.warning("consumer-held", group=self.batches.group, error=place(error))
                await asyncio.sleep(_RETRY_SECONDS)
        for partition in assigned:
            consumer.seek(partition, self._expected[partition.topic, partition.partition])
        self._generation += 1
        consumer.resume(*assigned)
        log.info("reading", group=self.batches.group, partitions=len(assigned))

    async def _load_positions(
        self, consumer: AIOKafkaConsumer, assigned: Sequence[TopicPartition]
    ) -> dict[Partition, int]:
        database, group = self.batches.database, self.batches.group
        names = {(p.topic, p.partition): p for p in assigned}
        async with database.connection() as connection:
            self._stuck = await faults.in_a_row(connection, group, names) >= faults.LIMIT
            known = await positions.load(connection, group, names)
        new = [partition for name, partition in names.items() if name not in known]
        if new:
            beginnings = await consumer.beginning_offsets(new)
            first = {(p.topic, p.partition): offset for p, offset in beginnings.items()}
            async with database.connection() as connection:
                await positions.begin(connection, group, first)
                known = await positions.load(connection, group, names)
        return known

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Wait for the batch in hand; what was fetched after it is dropped."""
        async with self._in_hand:
            if self._settling is not None:
                self._settling.cancel()
            self._generation += 1
            self._expected = {}
            POSITION_LAG.clear()
        if revoked:  # not so before the first assignment
            self._count_expulsion()

    def _count_expulsion(self) -> None:
        """Halt when two processes have one static name: each join throws the other out, and both would go on so.

        A session that ends, because this process or the broker slept, throws it out too, but not so often.
        """
        if self.group_instance_id is None or self._subscription is None or not self._subscription.expelled:
            return
        log.warning("expelled-from-group", group=self.batches.group, instance=self.group_instance_id)
        self._expelled_at.append(monotonic())
        if (
            len(self._expelled_at) == _EXPULSIONS
            and monotonic() - self._expelled_at[0] < _EXPULSIONS * SESSION_SECONDS / 2
        ):
            self._halt(f"another process of {self.batches.group} has the GROUP_INSTANCE_ID {self.group_instance_id}")

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Read from the position rows, whatever Kafka believes."""
        async with self._in_hand:
            if assigned and self._consumer is not None:
                self._move_away()

    async def _tell_kafka(self, following: Mapping[Partition, int]) -> None:
        """Commit Kafka's own offsets, for lag tools only; a failure changes nothing."""
        if self._consumer is not None:
            offsets = {TopicPartition(*partition): offset for partition, offset in following.items()}
            with suppress(KafkaError, IllegalStateError, TimeoutError):
                await asyncio.wait_for(self._consumer.commit(offsets), _TELL_SECONDS)

    def _measure_lag(self) -> None:
        for (topic, partition), offset in self._expected.items():
            end = self._consumer.highwater(TopicPartition(topic, partition)) if self._consumer else None
            if end is not None:
                POSITION_LAG.set(max(0, end - offset), topic=topic, partition=str(partition))
