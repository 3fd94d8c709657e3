"""Reads back what a relay sent and its database does not know of, a piece at a time; it sends nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from hoso_chassis import acknowledged, forgotten, incarnation
from hoso_chassis.acknowledged import Known, Partition
from hoso_chassis.database import Database
from hoso_chassis.forgotten import Logged
from hoso_chassis.lease import Lease
from hoso_chassis.metrics import FORGOTTEN, READ_BACK
from hoso_contracts.envelope import decode
from hoso_contracts.errors import BadRecord
from hoso_contracts.topics import TOPICS

_PIECE: Final = 2_000  # records
_STEP_SECONDS: Final = 1.0
_TOLD: Final = 100  # the table has them all
_FETCH_BYTES: Final = 4_194_304  # of all partitions together: this bounds the memory, whatever the log has

log = structlog.get_logger()


@dataclass(slots=True)
class ReadBack:
    """Compares the log of this service's topics with what its database knows of them.

    `partitions_for` says the partitions of a topic that exists; `fence` is that under which the lead was taken.

    Every piece is a transaction with its progress, so that who follows a relay that dies meanwhile goes on from there.
    Each ends with a look at the lease: a relay that slept would else hold what it knew against what its successor has
    sent since, and take that for forgotten.
    """

    database: Database
    bootstrap_servers: str
    partitions_for: Callable[[str], Awaitable[set[int]]]
    lease: Lease
    fence: int
    known: dict[Partition, Known] = field(default_factory=dict[Partition, Known])
    _consumer: AIOKafkaConsumer | None = None
    _ends: dict[Partition, int] = field(default_factory=dict[Partition, int])
    _counts: dict[str, int] = field(default_factory=lambda: {"records": 0, "sent": 0, "forgotten": 0, "foreign": 0})
    _since: float = field(default_factory=monotonic)

    async def open(self) -> None:
        """Find out how much there is to read; the producer before must be shut out by now."""
        async with self.database.connection() as connection:
            self.known = await acknowledged.load(connection)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap_servers,
            client_id=self.database.source,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=50,
        )
        await self._consumer.start()
        await self._assign(self._consumer)

    async def close(self) -> None:
        """Leave the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()

    async def step(self) -> bool:
        """Read and settle what about a second gives; True: everything is compared, and what follows is done."""
        deadline = monotonic() + _STEP_SECONDS
        while self._ends and self._consumer is not None and monotonic() < deadline:
            await self._piece(self._consumer)
        if not self._ends:
            await self._finish()
        return not self._ends

    async def _assign(self, consumer: AIOKafkaConsumer) -> None:
        existing = await consumer.topics()
        partitions = [
            TopicPartition(name, number)
            for name, topic in TOPICS.items()
            if self.database.source.removeprefix("/hoso/") in topic.producers and name in existing
            for number in sorted(await self.partitions_for(name))
        ]
        if not partitions:
            return
        consumer.assign(partitions)
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        at: dict[Partition, Known] = {}
        for one in partitions:
            partition = (one.topic, one.partition)
            at[partition] = self._place(partition, begins[one], ends[one])
            if at[partition].next_offset < ends[one]:
                consumer.seek(one, at[partition].next_offset)
                self._ends[partition] = ends[one]
            else:
                consumer.pause(one)
        await self._keep({one: known for one, known in at.items() if self.known.get(one) != known})
        self._tell()

    def _place(self, partition: Partition, begin: int, end: int) -> Known:
        """Where reading begins: what is kept, else the log's beginning for the first time."""
        known = self.known.get(partition)
        if known is None:
            return Known(begin, is_first=begin < end)
        if known.next_offset > end:
            log.error("log-is-shorter-than-acknowledged", topic=partition[0], partition=partition[1], end=end)
            return Known(end)
        return Known(max(begin, known.next_offset), known.is_first and begin < end)

    def _tell(self) -> None:
        records = sum(end - self.known[one].next_offset for one, end in self._ends.items())
        first = sum(self.known[one].is_first for one in self._ends)
        if first or records > _PIECE:
            log.warning("reading-back", offsets=records, partitions=len(self._ends), for_the_first_time=first)

    async def _keep(self, known: dict[Partition, Known]) -> None:
        async with self.database.connection() as connection, connection.transaction():
            await acknowledged.move(connection, known)
            await self.lease.require(connection, self.fence)
        self.known.update(known)

    async def _piece(self, consumer: AIOKafkaConsumer) -> None:
        try:
            fetched = await consumer.getmany(timeout_ms=100, max_records=_PIECE)
        except TopicAuthorizationFailedError as error:
            await self._give_up(error)
            return
        logged = [found for records in fetched.values() for record in records if (found := self._read(record))]
        reached = {one: await consumer.position(TopicPartition(*one)) for one in self._ends}
        moved = {
            one: Known(offset, self.known[one].is_first)
            for one, offset in reached.items()
            if offset > self.known[one].next_offset
        }
        async with self.database.connection() as connection, connection.transaction():
            sent, lost = await forgotten.settle(connection, logged)
            if lost:
                await self.database.recall(connection, [one.event for one in lost])
            await acknowledged.move(connection, moved)
            await self.lease.require(connection, self.fence)
        self.known.update(moved)
        self._count(logged, sent, lost)
        for one in [one for one, end in self._ends.items() if reached[one] >= end]:
            del self._ends[one]
            consumer.pause(TopicPartition(*one))

    def _read(self, record: Any) -> Logged | None:
        """An event of ours; what somebody else wrote here, or what is no event, is counted and left alone."""
        self._counts["records"] += 1
        partition = (record.topic, record.partition)
        try:
            event = decode(record.key, record.value, record.headers)
        except BadRecord:
            event = None
        if event is None or event.source != self.database.source:
            self._counts["foreign"] += 1
            return None
        return Logged(*partition, record.offset, record.key, event, self.known[partition].is_first)

    def _count(self, logged: Sequence[Logged], sent: int, lost: Sequence[Logged]) -> None:
        self._counts["sent"] += sent
        self._counts["forgotten"] += len(lost)
        READ_BACK.add(len(logged))
        for one in lost:
            FORGOTTEN.add(1, topic=one.topic)
        for one in lost[: max(0, _TOLD - self._counts["forgotten"] + len(lost))]:
            kind, subject = one.told
            log.error("forgotten-fact", type=kind, event_id=str(one.event.id), subject=subject)

    async def _give_up(self, error: TopicAuthorizationFailedError) -> None:
        """Without the right to read a topic nothing of it can be compared; sending goes on."""
        told = error.args[0] if error.args else ()
        named = {told} if isinstance(told, str) else set(told)
        left = {topic for topic, _ in self._ends}
        for topic in (named & left) or left:
            log.error("not-allowed-to-read-back", topic=topic)
            await self._keep({one: Known(self._ends.pop(one)) for one in list(self._ends) if one[0] == topic})

    async def _finish(self) -> None:
        done = {one: Known(known.next_offset) for one, known in self.known.items() if known.is_first}
        async with self.database.connection() as connection, connection.transaction():
            await acknowledged.move(connection, done)
            was = await incarnation.standing(connection)
            if self._counts["forgotten"] or not was.is_settled:
                await self.database.recall(connection, ())
                await incarnation.settle(connection)
            await self.lease.require(connection, self.fence)
        self.known.update(done)
        seconds = round(monotonic() - self._since, 3)
        if self._counts["forgotten"] or not was.is_settled:
            log.error("database-was-restored", **self._counts, another_incarnation=not was.is_settled, seconds=seconds)
        else:
            log.info("read-back", **self._counts, seconds=seconds)
