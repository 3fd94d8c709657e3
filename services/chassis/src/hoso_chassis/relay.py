"""The relay: one leader sends the oldest outbox rows, then deletes them; it reads no event and changes none."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hoso_chassis import acknowledged, incarnation, sending
from hoso_chassis.acknowledged import Partition
from hoso_chassis.database import Database
from hoso_chassis.lease import Lease, LeaseLost
from hoso_chassis.metrics import OUTBOX_AGE, OUTBOX_ROWS, RELAYED, SET_ASIDE
from hoso_chassis.outbox_floor import Floor
from hoso_chassis.policy import place
from hoso_chassis.postgres import AWAY, CONFLICT, Connection, Row
from hoso_chassis.read_back import ReadBack
from hoso_chassis.sending import OffsetUnknown, TopicNotWritable

ROUND_ROWS: Final = 1_000
_SET_ASIDE_SECONDS: Final = 30.0

log = structlog.get_logger()

# The snapshot's ends tell the floor which transactions may still put a row below it.
_OLDEST = """
SELECT position, topic, type, key, value, headers::text AS headers,
       (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint) AS oldest_running,
       (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint) AS not_begun
FROM outbox WHERE position > $3 AND topic <> ALL($1::text[]) ORDER BY position LIMIT $2
"""
_BACKLOG = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE position > $1 LIMIT 100000) AS oldest) AS rows,
       extract(epoch FROM now() - (SELECT created_at FROM outbox WHERE position > $1 ORDER BY position LIMIT 1))::float8
           AS age
"""


@dataclass(slots=True)
class Relay:
    """Moves one service's outbox to Kafka.

    Order: rows of one key leave in the order of their positions. Every round is a Kafka transaction under the
    service's own transactional id, so a relay that lost its lease while it slept is refused by the broker when it
    wakes. Whoever takes the lead first reads back what the one before has sent and not deleted, so that no row is sent
    twice and a database that was put back goes on behind what it had announced.
    """

    database: Database
    bootstrap_servers: str
    on_turn: Callable[[], None] = lambda: None
    lease: Lease = field(default_factory=lambda: Lease("relay"))
    shortest_wait: float = 0.01
    longest_wait: float = 0.1
    _producer: AIOKafkaProducer | None = None
    _read_back: ReadBack | None = None
    _fence: int = 0
    _held_at: float = 0.0
    _known: dict[Partition, int] = field(default_factory=dict[Partition, int])
    _floor: Floor = field(default_factory=Floor)
    _set_aside: dict[str, float] = field(default_factory=dict[str, float])
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Relay until `stop`; the last rounds drain what is there."""
        wait = self.shortest_wait
        while not self._stopping.is_set():
            self.on_turn()
            moved = await self._turn()
            wait = self.shortest_wait if moved else min(self.longest_wait, wait * 1.5)
            if not moved:
                await self._pause(wait)
        await self._leave()

    def stop(self) -> None:
        """Ask `run` to drain and return."""
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _turn(self) -> int:
        """One look at lease and outbox; errors end the producer, never the relay."""
        try:
            if not await self._hold():
                await self._close()
                await self._pause(0.5)
                return 0
            async with self._kept_lease():
                return await asyncio.wait_for(self._round(), sending.ROUND_SECONDS)
        except TopicNotWritable as error:
            self._set_aside[error.topic] = monotonic() + _SET_ASIDE_SECONDS
            SET_ASIDE.set(1, topic=error.topic)
            log.error("topic-set-aside", topic=error.topic, reason=str(error), retry_in_s=_SET_ASIDE_SECONDS)
        except (LeaseLost, OffsetUnknown, KafkaError, *AWAY, *CONFLICT) as error:
            log.warning("relay-round-failed", error=place(error))
        await self._close()
        await self._pause(0.5)
        return 0

    async def _hold(self) -> bool:
        """Hold the lease; asked of the database when a third of it is over, whoever leads.

        Not every time: a row that changes fifty times a second is a long chain to walk while an old snapshot is open.
        """
        if self._own_producer() is not None and monotonic() - self._held_at < self.lease.duration.total_seconds() / 3:
            return True
        now = monotonic()
        async with self.database.connection() as connection:
            if not await self.lease.hold(connection):
                return False
            self._held_at = now
            if not (await incarnation.standing(connection)).is_settled and self._read_back is None:
                self._fence = 0  # another life of the database: compare with the log before anything else is sent
        return True

    @asynccontextmanager
    async def _kept_lease(self) -> AsyncGenerator[None]:
        """Renew the lease beside a round: two relays on a slow broker would else shut each other out for ever."""
        keeping = asyncio.create_task(self._keep_lease())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait({keeping})

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(self.lease.duration.total_seconds() / 3)
            with suppress(*AWAY, *CONFLICT):
                async with self.database.connection() as connection:
                    await self.lease.hold(connection)

    async def _round(self) -> int:
        if self._own_producer() is None:
            await self._lead()
        if self._read_back is not None and not await self._compared(self._read_back):
            return 1
        self._end_set_asides()
        async with self.database.connection() as connection:
            rows = await self._oldest(connection)
            if not rows:
                return 0
            following = await self._send(rows)
            positions = [row["position"] for row in rows]
            if not await acknowledged.keep_sent(connection, self.lease, positions, self._known, following):
                raise LeaseLost
        self._known.update(following)
        self._floor.sent()
        for topic, count in Counter(row["topic"] for row in rows).items():
            RELAYED.add(count, topic=topic)
        return len(rows)

    def _end_set_asides(self) -> None:
        now = monotonic()
        for topic in [topic for topic, until in self._set_aside.items() if until <= now]:
            del self._set_aside[topic]
            SET_ASIDE.set(0, topic=topic)
            self._floor.look_everywhere()

    async def _oldest(self, connection: Connection) -> Sequence[Row]:
        above = self._floor.begin()
        rows = await connection.fetch(_OLDEST, list(self._set_aside), ROUND_ROWS, above)
        last = rows[-1] if rows else None
        self._floor.looked((last["position"], last["oldest_running"], last["not_begun"]) if last else None)
        return rows

    async def _lead(self) -> None:
        """Open the producer, which shuts out the one before, and only then make sure that the lead is still ours.

        A relay that slept in between would else send again what its successor has sent and deleted; as it is, it may
        cost that one a round, and sends nothing again. Rows are read and the log is read back after this, for the same
        reason: now nobody adds to either side.
        """
        await self._close()
        self._producer = sending.open_producer(self.bootstrap_servers, self.database.source)
        await self._producer.start()
        async with self.database.connection() as connection:
            if not await self.lease.hold(connection):
                raise LeaseLost
        self._fence, self._floor = self.lease.fence, Floor()
        self._read_back = ReadBack(
            self.database, self.bootstrap_servers, self._producer.partitions_for, self.lease, self._fence
        )
        await self._read_back.open()
        log.info("relay-leads", fence=self._fence)

    async def _compared(self, read_back: ReadBack) -> bool:
        """Read back a piece; True when nothing is left."""
        if not await read_back.step():
            return False
        self._known = {one: known.next_offset for one, known in read_back.known.items()}
        self._read_back = None
        await read_back.close()
        return True

    def _own_producer(self) -> AIOKafkaProducer | None:
        return self._producer if self._fence == self.lease.fence else None

    async def _send(self, rows: Sequence[Row]) -> dict[Partition, int]:
        """Send all rows in one Kafka transaction; returns the offsets behind them when it is committed."""
        # It opens none: the rows were read before, and a lease that changed hands since may have seen them sent.
        if (producer := self._own_producer()) is None:
            raise LeaseLost
        following = await sending.send(producer, rows)
        if any(offset <= self._known.get(one, -1) for one, offset in following.items()):
            raise OffsetUnknown
        return following

    async def _close(self) -> None:
        producer, self._producer, self._fence = self._producer, None, 0
        read_back, self._read_back = self._read_back, None
        if read_back is not None:
            with suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(read_back.close(), sending.CLOSE_SECONDS)
        if producer is not None:
            await sending.close_producer(producer)

    async def _leave(self) -> None:
        """Drain for a few seconds, then give the lease back."""
        deadline = monotonic() + 5
        while monotonic() < deadline and await self._turn():
            self.on_turn()
        await self._close()
        try:
            async with self.database.connection() as connection:
                await self.lease.release(connection)
        except AWAY as error:
            log.warning("lease-not-released", error=place(error))

    async def measure(self) -> None:
        """Outbox age and rows, for the alert on age."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow(_BACKLOG, 0 if self._set_aside else self._floor.position)
        if row is not None:
            OUTBOX_ROWS.set(row["rows"])
            OUTBOX_AGE.set(row["age"] or 0.0)
