"""Members of a consumer group: who ends leaves at once, also with a name, and two of one name do not go on fighting."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from hoso_chassis.batch import Batches
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.policy import Halt
from hoso_chassis.subscription import SESSION_SECONDS
from hoso_contracts.topics import TOPICS
from support.counting import Count, Counting, CountStore
from support.waiting import until_async

TOPIC = "identity.verifications.v1"
PARTITIONS = TOPICS[TOPIC].partitions


@pytest.fixture
def group() -> str:
    return f"hoso.test-{uuid4().hex}"


@asynccontextmanager
async def member(database: Database, kafka: str, group: str, name: str) -> AsyncGenerator[Consumer[Count]]:
    """A consumer with a static name; it has ended after the block."""
    consumer = Consumer(Batches(database, group, Counting().inbound, CountStore()), kafka, name)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
        if consumer.halted.done():
            consumer.halted.exception()


async def held(consumer: Consumer[Count]) -> int:
    """How many partitions it has."""
    client = consumer._consumer
    assigned: set[TopicPartition] = set(client.assignment()) if client else set()
    return len(assigned)


async def test_who_ends_leaves_at_once_also_with_a_name(database: Database, kafka: str, group: str) -> None:
    async with member(database, kafka, group, "one") as stays:
        async with member(database, kafka, group, "two") as goes:
            await until_async(lambda: held(goes), within=20, is_=PARTITIONS // 2)
            await until_async(lambda: held(stays), within=20, is_=PARTITIONS // 2)
        left = monotonic()
        await until_async(lambda: held(stays), within=20, is_=PARTITIONS)
        assert monotonic() - left < SESSION_SECONDS / 2


async def test_of_two_with_one_name_one_halts_and_the_other_reads_on(
    database: Database, kafka: str, group: str
) -> None:
    async with member(database, kafka, group, "same") as one, member(database, kafka, group, "same") as other:
        ended, _ = await asyncio.wait({one.halted, other.halted}, timeout=40, return_when=asyncio.FIRST_COMPLETED)
        assert len(ended) == 1, "they go on throwing each other out"
        with pytest.raises(Halt, match=r"another process of .* has the GROUP_INSTANCE_ID same"):
            ended.pop().result()
        winner = other if one.halted.done() else one
        await until_async(lambda: held(winner), within=20, is_=PARTITIONS)
