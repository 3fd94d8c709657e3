"""FastStream's batch subscriber as the consumer needs it: raw records, and no commit of its own; it decides nothing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from hoso_chassis.records import Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)  # in Kafka's milliseconds

# The least that a broker allows unless it is told otherwise: so long the partitions of a member stand still that was
# killed and has no name under which it comes back (docs/decisions/0019-group-membership.md).
SESSION_SECONDS: Final = 6.0
_HEARTBEAT_SECONDS: Final = 1.0  # by which the others learn that a member has left
# A broker that is frozen answers nothing, and only a request that has waited for so long makes the client look for
# the new leader.
_REQUEST_SECONDS: Final = 5.0
_METADATA_SECONDS: Final = 5.0  # a coordinator may be on a broker that has come back since the client last looked

Records = tuple[ConsumerRecord, ...]
Fetch = Callable[[AIOKafkaConsumer], Awaitable[Records]]


@dataclass(frozen=True, slots=True)
class Membership:
    """How a process joins its group.

    Attributes:
        instance: its static name there; None: a new member at every start.
        max_records: the most that one batch has.
    """

    bootstrap_servers: str
    topics: Sequence[str]
    group: str
    instance: str | None
    max_records: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscriber that turns its loop between start and stop."""

    broker: KafkaBroker
    subscriber: Any  # typed by FastStream with aiokafka, which is not typed

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The client, while it runs."""
        return self.subscriber.consumer

    @property
    def expelled(self) -> bool:
        """Whether the group no longer knows this member: its session has ended, or another has taken its name."""
        coordinator = _coordinator(self.consumer)
        return coordinator is not None and not coordinator.member_id

    async def start(self) -> None:
        """Join; returns when the client runs."""
        await self.broker.start()

    async def stop(self) -> None:
        """Let the handler finish, and leave the group, whose others take the partitions at once.

        A member with a static name would stay in it, for the case that it comes back: its partitions would stand
        still until then, or until its session ends.
        """
        if (coordinator := _coordinator(self.consumer)) is not None:
            coordinator._group_instance_id = None  # noqa: SLF001
        await self.broker.stop()


def subscribe(
    membership: Membership,
    listener: ConsumerRebalanceListener,
    fetch: Callable[[Fetch, AIOKafkaConsumer], Awaitable[Records]],
    take: Callable[[Records], Awaitable[None]],
) -> Subscription:
    """Make a subscriber.

    Args:
        membership: what it reads, and as whom.
        listener: is told which partitions come and go.
        fetch: stands around each fetch, which it is given.
        take: is given each batch; no error may leave it, because the next acknowledgement would commit over the batch.
    """
    broker = KafkaBroker(
        membership.bootstrap_servers.split(","),  # FastStream takes a text for one address, and waits for it for ever
        logger=None,
        allow_auto_create_topics=False,
        consumer_only=True,
        graceful_timeout=25,
        request_timeout_ms=int(_REQUEST_SECONDS * 1000),
        metadata_max_age_ms=int(_METADATA_SECONDS * 1000),
        apply_types=False,
    )
    subscriber = cast("Any", broker.subscriber)(
        *membership.topics,
        batch=True,
        group_id=membership.group,
        group_instance_id=membership.instance,
        auto_offset_reset="none",
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        max_records=membership.max_records,
        batch_timeout_ms=100,
        fetch_max_wait_ms=100,
        isolation_level="read_committed",
        session_timeout_ms=int(SESSION_SECONDS * 1000),
        heartbeat_interval_ms=int(_HEARTBEAT_SECONDS * 1000),
        listener=listener,
        parser=_raw,
        decoder=_undecoded,
    )
    get_batch: Fetch = subscriber.get_msg

    async def get_msg(consumer: AIOKafkaConsumer) -> Records:
        return await fetch(get_batch, consumer)

    subscriber.get_msg = get_msg
    subscriber(take)
    return Subscription(broker, subscriber)


def _coordinator(consumer: Any) -> Any:
    """What keeps a client in its group; None: it never came to a broker. aiokafka has no public way to it."""
    return None if consumer is None else consumer._coordinator  # noqa: SLF001


async def _raw(records: Records, original: Any) -> KafkaMessage:
    """FastStream's parser without its loss: headers that it cannot decode would cost the whole batch."""
    message = await original((replace(records[0], headers=()),))
    message.raw_message = records
    return message


async def _undecoded(message: KafkaMessage) -> Any:
    return message.raw_message


def record_of(record: ConsumerRecord) -> Record:
    """A record as it lies in the log; of its time what no calendar has is put at the calendar's ends."""
    return Record(
        record.topic,
        record.partition,
        record.offset,
        _EPOCH + timedelta(milliseconds=max(0, min(record.timestamp, _LAST))),
        record.key,
        record.value,
        tuple(record.headers),
    )
