"""The relay: one leader sends the oldest outbox rows, then deletes them; it reads no event and changes none."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from hoso_chassis.database import Database
from hoso_chassis.lease import Lease
from hoso_chassis.metrics import OUTBOX_AGE, OUTBOX_ROWS, RELAYED
from hoso_chassis.outbox import headers_from_json
from hoso_chassis.policy import place
from hoso_chassis.postgres import AWAY, CONFLICT, Connection, Row

ROUND_ROWS: Final = 1_000
ROUND_SECONDS: Final = 15.0  # an idempotent send never gives up by itself, so the round does
_SET_ASIDE_SECONDS: Final = 30.0
_CLOSE_SECONDS: Final = 3.0
# The broker's answer for good: the same rows meet it again, and the rows of other topics must not wait for them.
_REFUSED: Final = (
    TopicAuthorizationFailedError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    PolicyViolationError,
)

log = structlog.get_logger()

_OLDEST = """
SELECT position, topic, type, key, value, headers::text AS headers FROM outbox
WHERE topic <> ALL($1::text[]) ORDER BY position LIMIT $2
"""
# A holder that was stopped while it sent finds a higher fence: the new one has sent these rows again, or will.
_DELETE = """
DELETE FROM outbox WHERE position = ANY($1::bigint[])
AND EXISTS (SELECT FROM leases WHERE name = $2 AND holder = $3 AND fence = $4)
"""
_BACKLOG = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox LIMIT 100000) AS oldest) AS rows,
       extract(epoch FROM now() - (SELECT created_at FROM outbox ORDER BY position LIMIT 1))::float8 AS age
"""


class LeaseLost(Exception):
    """Another relay has taken the lead while this one slept."""


class TopicNotWritable(Exception):
    """One topic cannot be written; the others go on."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"{topic}: {reason}")
        self.topic = topic


@dataclass(slots=True)
class Relay:
    """Moves one service's outbox to Kafka.

    Order: rows of one key leave in the order of their positions. Every round is a Kafka transaction under the
    service's own transactional id, so a relay that lost its lease while it slept is refused by the broker when it
    wakes. A row may still be sent twice, by a relay that died before its DELETE, with the same event id.
    """

    database: Database
    bootstrap_servers: str
    on_turn: Callable[[], None] = lambda: None
    lease: Lease = field(default_factory=lambda: Lease("relay"))
    shortest_wait: float = 0.01
    longest_wait: float = 0.1
    _producer: AIOKafkaProducer | None = None
    _fence: int = 0
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
            async with self.database.connection() as connection:
                if not await self.lease.hold(connection):
                    await self._close_producer()
                    await self._pause(0.5)
                    return 0
            async with self._kept_lease():
                return await asyncio.wait_for(self._round(), ROUND_SECONDS)
        except TopicNotWritable as error:
            self._set_aside[error.topic] = monotonic() + _SET_ASIDE_SECONDS
            log.error("topic-set-aside", topic=error.topic, reason=str(error), retry_in_s=_SET_ASIDE_SECONDS)
        except (LeaseLost, KafkaError, *AWAY, *CONFLICT) as error:
            log.warning("relay-round-failed", error=place(error))
        await self._close_producer()
        await self._pause(0.5)
        return 0

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
        now = monotonic()
        self._set_aside = {topic: until for topic, until in self._set_aside.items() if until > now}
        async with self.database.connection() as connection:
            rows = await self._oldest(connection)
            if rows and self._own_producer() is None:
                await self._lead(connection)
                rows = await self._oldest(connection)
            if not rows:
                return 0
            await self._send(rows)
            tag = await connection.execute(
                _DELETE, [row["position"] for row in rows], self.lease.name, self.lease.holder, self.lease.fence
            )
        if tag != f"DELETE {len(rows)}":
            log.warning("lease-lost-while-sending", rows=len(rows), deleted=tag)
        for row in rows:
            RELAYED.add(1, topic=row["topic"])
        return len(rows)

    async def _oldest(self, connection: Connection) -> Sequence[Row]:
        return await connection.fetch(_OLDEST, list(self._set_aside), ROUND_ROWS)

    async def _lead(self, connection: Connection) -> None:
        """Open the producer, which shuts out the one before, and only then make sure that the lead is still ours.

        A relay that slept in between would else send again what its successor has sent and deleted; as it is, it may
        cost that one a round, and sends nothing again. The rows must be read after this, for the same reason.
        """
        await self._open_producer()
        if not await self.lease.hold(connection):
            raise LeaseLost
        self._fence = self.lease.fence
        log.info("relay-leads", fence=self._fence)

    def _own_producer(self) -> AIOKafkaProducer | None:
        return self._producer if self._fence == self.lease.fence else None

    async def _send(self, rows: Sequence[Row]) -> None:
        """Send all rows in one Kafka transaction; returns when it is committed."""
        # It opens none: the rows were read before, and a lease that changed hands since may have seen them sent.
        if (producer := self._own_producer()) is None:
            raise LeaseLost
        for topic in sorted({row["topic"] for row in rows}):
            await _require_writable(producer, topic)
        async with _transaction(producer):
            await self._send_all(producer, rows)

    async def _send_all(self, producer: AIOKafkaProducer, rows: Sequence[Row]) -> None:
        futures = [
            await producer.send(row["topic"], row["value"], key=row["key"], headers=headers_from_json(row["headers"]))
            for row in rows
        ]
        outcomes = await asyncio.gather(*futures, return_exceptions=True)
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, _REFUSED):
                raise TopicNotWritable(row["topic"], f"the broker refuses a record: {type(outcome).__name__}")
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _open_producer(self) -> None:
        """A new producer for this lease, which shuts out the one before."""
        await self._close_producer()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap_servers,
            client_id=self.database.source,
            transactional_id=f"hoso.{self.database.source.removeprefix('/hoso/')}.relay",
            transaction_timeout_ms=int(ROUND_SECONDS * 1000),
            linger_ms=0,
            max_batch_size=262_144,
            max_request_size=1_048_576,
            request_timeout_ms=10_000,
        )
        await self._producer.start()

    async def _close_producer(self) -> None:
        producer, self._producer, self._fence = self._producer, None, 0
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), _CLOSE_SECONDS)
            except (KafkaError, TimeoutError) as error:
                log.warning("producer-not-closed-cleanly", error=place(error))
                await _drop(producer)

    async def _leave(self) -> None:
        """Drain for a few seconds, then give the lease back."""
        deadline = monotonic() + 5
        while monotonic() < deadline and await self._turn():
            self.on_turn()
        await self._close_producer()
        try:
            async with self.database.connection() as connection:
                await self.lease.release(connection)
        except AWAY as error:
            log.warning("lease-not-released", error=place(error))

    async def measure(self) -> None:
        """Outbox age and rows, for the alert on age."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow(_BACKLOG)
        if row is not None:
            OUTBOX_ROWS.set(row["rows"])
            OUTBOX_AGE.set(row["age"] or 0.0)


@asynccontextmanager
async def _transaction(producer: AIOKafkaProducer) -> AsyncGenerator[None]:
    """A Kafka transaction whose abort is not waited for long, so that a round ends in time whatever the broker does.

    What is not aborted here is by the next producer, which has the same transactional id.
    """
    transaction = producer.transaction()
    await transaction.__aenter__()
    try:
        yield
    except Exception as error:
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(transaction.__aexit__(type(error), error, error.__traceback__), _CLOSE_SECONDS)
        raise
    await transaction.__aexit__(None, None, None)


async def _drop(producer: Any) -> None:
    """End what `stop` leaves behind when it is cut short: the task that sends for ever, and the connections."""
    if (sending := producer._sender.sender_task) is not None:  # noqa: SLF001 - there is no public way
        for _ in range(2):  # the first makes it wait for its requests, the second ends those
            sending.cancel()
            await asyncio.wait({sending}, timeout=0.1)
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    with suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(producer.client.close(), _CLOSE_SECONDS)


async def _require_writable(producer: AIOKafkaProducer, topic: str) -> None:
    try:
        await asyncio.wait_for(producer.partitions_for(topic), 5)
    except TimeoutError:
        raise TopicNotWritable(
            topic, "the broker does not know it; create it with `hoso_chassis.topics apply`"
        ) from None
    except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
        raise TopicNotWritable(topic, type(error).__name__) from error
