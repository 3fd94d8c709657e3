"""A consumer of the small counting service on a real broker, reading from the present end of the topic."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hoso_chassis import positions
from hoso_chassis.batch import Batches
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_contracts.envelope import encode
from hoso_contracts.event import Event
from support.counting import Count, Counting, CountStore, envelope

TOPIC: Final = "identity.verifications.v1"


async def group_at_the_end(database: Database, kafka: str) -> str:
    """A new group whose positions stand at the end of what earlier tests have left."""
    group = f"hoso.test-{uuid4().hex}"
    client = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=None)
    await client.start()
    ends = await client.end_offsets([TopicPartition(TOPIC, number) for number in range(12)])
    await client.stop()
    async with database.connection() as connection:
        await positions.begin(connection, group, {(TOPIC, end.partition): ends[end] for end in ends})
    return group


@asynccontextmanager
async def consuming(
    database: Database, kafka: str, group: str, counting: Counting | None = None, store: CountStore | None = None
) -> AsyncGenerator[Consumer[Count]]:
    """A member of the group."""
    batches = Batches(database, group, (counting or Counting()).inbound, store or CountStore())
    consumer = Consumer(batches, kafka)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
        if consumer.halted.done():
            consumer.halted.exception()


async def send(kafka: str, events: Sequence[Event]) -> None:
    """Write these events, as another service would."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    for event in events:
        encoded = encode(envelope(event))
        await producer.send(TOPIC, encoded.value, key=encoded.key, headers=encoded.headers)
    await producer.stop()


def seen(database: Database, events: Sequence[Event]) -> Callable[[], Awaitable[int]]:
    """How often the dossiers of these events were counted, all together."""
    ids = [event.dossier_id for event in events]

    async def ask() -> int:
        async with database.connection() as connection:
            return await connection.fetchval(
                "SELECT coalesce(sum(seen), 0)::int FROM counts WHERE dossier_id = ANY($1)", ids
            )

    return ask
