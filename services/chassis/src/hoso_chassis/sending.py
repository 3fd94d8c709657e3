"""Sends outbox rows in Kafka transactions that shut out the relay before; it reads no database and decides no order."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
from aiokafka.partitioner import murmur2

from hoso_chassis.acknowledged import Partition
from hoso_chassis.outbox import headers_from_json
from hoso_chassis.policy import place
from hoso_chassis.postgres import Row

if TYPE_CHECKING:  # the package has them elsewhere
    from aiokafka import BatchBuilder, RecordMetadata

ROUND_SECONDS: Final = 15.0  # an idempotent send never gives up by itself, so the round does
CLOSE_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 5.0  # a frozen broker gives none, and only then does the client look for the new leader
_METADATA_SECONDS: Final = 5.0  # a coordinator may be on a broker that has come back since the client last looked
# The broker's answer for good: the same rows meet it again, and the rows of other topics must not wait for them.
_REFUSED: Final = (
    TopicAuthorizationFailedError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    PolicyViolationError,
)

log = structlog.get_logger()


class TopicNotWritable(Exception):
    """One topic cannot be written; the others go on."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"{topic}: {reason}")
        self.topic = topic


class OffsetUnknown(Exception):
    """Kafka has the records and did not say where, as after a lost answer: reading back finds out."""


def open_producer(bootstrap_servers: str, source: str) -> AIOKafkaProducer:
    """A producer under the service's own transactional id; its start shuts out the one before."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        client_id=source,
        transactional_id=f"hoso.{source.removeprefix('/hoso/')}.relay",
        transaction_timeout_ms=int(ROUND_SECONDS * 1000),
        linger_ms=0,
        max_batch_size=262_144,
        max_request_size=1_048_576,
        request_timeout_ms=int(_ANSWER_SECONDS * 1000),
        metadata_max_age_ms=int(_METADATA_SECONDS * 1000),
    )


async def close_producer(producer: AIOKafkaProducer) -> None:
    """Stop it, in a few seconds whatever the broker does."""
    try:
        await asyncio.wait_for(producer.stop(), CLOSE_SECONDS)
    except (KafkaError, TimeoutError) as error:
        log.warning("producer-not-closed-cleanly", error=place(error))
        await _drop(producer)


async def send(producer: AIOKafkaProducer, rows: Sequence[Row]) -> dict[Partition, int]:
    """Send all rows in one Kafka transaction; return the offset behind the last one of each partition, once committed.

    Raises:
        TopicNotWritable: the broker refuses a topic, or a record of it, for good; nothing was sent.
        OffsetUnknown: everything was sent, and not everywhere it is known where.
    """
    counts = {topic: await _partitions(producer, topic) for topic in sorted({row["topic"] for row in rows})}
    async with _transaction(producer):
        return _following(await _sent(producer, list(_batches(producer, rows, counts))))


class _Batch(NamedTuple):
    """Records of one partition that go together."""

    partition: Partition
    builder: "BatchBuilder"


def _batches(producer: AIOKafkaProducer, rows: Sequence[Row], counts: Mapping[str, int]) -> Iterable[_Batch]:
    """Pack the rows, in their order: one future a batch, because one a row costs more than the record itself."""
    open_ones: dict[Partition, _Batch] = {}
    for row in rows:
        partition = (row["topic"], number_of(row["key"], counts[row["topic"]]))
        batch = open_ones.get(partition)
        if batch is not None and _append(batch, row):
            continue
        if batch is not None:
            yield batch
        open_ones[partition] = batch = _Batch(partition, producer.create_batch())
        if not _append(batch, row):
            raise TopicNotWritable(row["topic"], "a record is larger than a batch may be")
    yield from open_ones.values()


def _append(batch: _Batch, row: Row) -> bool:
    headers = headers_from_json(row["headers"])
    return batch.builder.append(timestamp=None, key=row["key"], value=row["value"], headers=headers) is not None


async def _sent(producer: AIOKafkaProducer, batches: Sequence[_Batch]) -> "list[tuple[_Batch, RecordMetadata]]":
    futures = [
        await producer.send_batch(batch.builder, batch.partition[0], partition=batch.partition[1]) for batch in batches
    ]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    for batch, outcome in zip(batches, outcomes, strict=True):
        if isinstance(outcome, _REFUSED):
            raise TopicNotWritable(batch.partition[0], f"the broker refuses a record: {type(outcome).__name__}")
    sent: list[tuple[_Batch, RecordMetadata]] = []
    for batch, outcome in zip(batches, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            raise outcome
        sent.append((batch, outcome))
    return sent


def _following(sent: "Sequence[tuple[_Batch, RecordMetadata]]") -> dict[Partition, int]:
    following: dict[Partition, int] = {}
    for batch, told in sent:
        offset = told.offset + batch.builder.record_count() if told.offset >= 0 else -1
        known = following.get(batch.partition, 0)
        following[batch.partition] = -1 if -1 in (offset, known) else max(known, offset)
    return following


@lru_cache(maxsize=16_384)
def _hash(key: bytes) -> int:
    return murmur2(key) & 0x7FFFFFFF


def number_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's own default has it (murmur2)."""
    return _hash(key) % partitions


async def _partitions(producer: AIOKafkaProducer, topic: str) -> int:
    """How many partitions the topic has; raises TopicNotWritable when the broker does not say."""
    try:
        return len(await asyncio.wait_for(producer.partitions_for(topic), 5))
    except TimeoutError:
        raise TopicNotWritable(
            topic, "the broker does not know it; create it with `hoso_chassis.topics apply`"
        ) from None
    except (UnknownTopicOrPartitionError, TopicAuthorizationFailedError) as error:
        raise TopicNotWritable(topic, type(error).__name__) from error


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
            await asyncio.wait_for(transaction.__aexit__(type(error), error, error.__traceback__), CLOSE_SECONDS)
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
        await asyncio.wait_for(producer.client.close(), CLOSE_SECONDS)
