"""Delivers every record of the topics a second time, byte for byte, as a producer that got no answer would."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from hoso_contracts.topics import TOPICS
from hoso_stack.story import at_the_ends


@dataclass(slots=True)
class Echo:
    """What was delivered once more."""

    consumer: AIOKafkaConsumer
    producer: AIOKafkaProducer
    again: set[tuple[str, bytes | None]] = field(default_factory=set[tuple[str, bytes | None]])
    copies: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    seen: int = 0

    async def run(self) -> None:
        while True:
            for records in (await self.consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    await self._repeat(record)

    async def _repeat(self, record: ConsumerRecord) -> None:
        self.seen += 1
        name = (record.topic, dict(record.headers)["ce_id"])
        if name not in self.again:
            self.again.add(name)
            sent = await self.producer.send_and_wait(
                record.topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.partition,
                timestamp_ms=record.timestamp,
            )
            self.copies[TopicPartition(sent.topic, sent.partition)] = sent.offset

    async def all_read(self, env: Mapping[str, str]) -> bool:
        """Whether every record was seen twice, and every service has read, sent and done all there is."""
        if self.seen != 2 * len(self.again):
            return False
        for service in ("dossier", "identity", "storage", "notify"):
            connection = await asyncpg.connect(env[f"{service.upper()}_DATABASE_URL"])
            try:
                rows = await connection.fetch("SELECT topic, partition, next_offset FROM positions")
                busy = await connection.fetchval(
                    "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM work WHERE state <> 'dead')"
                )
            finally:
                await connection.close()
            read = {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            for copy, offset in self.copies.items():
                if service in TOPICS[copy.topic].consumers and read.get(copy, 0) <= offset:
                    return False
            if busy:
                return False
        return True


@asynccontextmanager
async def echo(bootstrap_servers: str) -> AsyncGenerator[Echo]:
    """Repeat everything that is written from now on."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    try:
        async with at_the_ends(bootstrap_servers) as consumer:
            repeating = Echo(consumer, producer)
            task = asyncio.create_task(repeating.run())
            try:
                yield repeating
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        await producer.stop()
