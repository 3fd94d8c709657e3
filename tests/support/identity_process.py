"""Identity as a process of its own, and the two topics that it lives between."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from hoso_chassis import positions
from hoso_chassis.database import Database
from hoso_contracts.dossier import IdentityVerificationRequested
from hoso_contracts.envelope import decode, encode
from hoso_contracts.identity import IdentityVerified
from hoso_identity.app import service
from support.counting import envelope
from support.population import INHERITED

PARTITIONS = 12
PROGRAM = (sys.executable, "-m", "hoso_identity")


@dataclass(slots=True)
class Worker:
    """A process with the roles worker and relay; what it says is appended to `log`."""

    environment: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def migrate(self) -> None:
        assert await (await self._begin("migrate")).wait() == 0, self.log.read_text()

    async def start(self) -> None:
        self.process = await self._begin("serve", "--role", "worker,relay")

    def terminate(self) -> None:
        """Ask it to stop, once: a second signal ends it at once."""
        assert self.process is not None
        self.process.terminate()

    async def status(self) -> int:
        """Wait for its end and return its exit status."""
        assert self.process is not None
        return await self.process.wait()

    async def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.process is not None:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()

    async def _begin(self, *arguments: str) -> asyncio.subprocess.Process:
        with self.log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *PROGRAM, *arguments, env=self.environment, stdout=output, stderr=output
            )


@asynccontextmanager
async def worker_process(database_url: str, population_url: str, kafka: str, log: Path) -> AsyncGenerator[Worker]:
    """A running worker on a migrated database."""
    settings = {
        "DATABASE_URL": database_url,
        "POPULATION_URL": population_url,
        "POPULATION_TIMEOUT": "5",
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "HEALTH_PORT": "0",
        "GROUP_INSTANCE_ID": "test",  # the next one need not wait until the broker has missed a killed one
    }
    worker = Worker({**INHERITED, **settings}, log)
    await worker.migrate()
    await _begin_at_the_end(database_url, kafka)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.kill()


async def _begin_at_the_end(database_url: str, kafka: str) -> None:
    """Pass over what earlier tests asked; a service without positions begins at the beginning."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=None)
    await consumer.start()
    topic = IdentityVerificationRequested.topic
    ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
    await consumer.stop()
    database = Database(database_url, "/hoso/identity", size=1)
    await database.open()
    async with database.connection() as connection:
        await positions.begin(connection, service.group, {(topic, end.partition): ends[end] for end in ends})
    await database.close()


@dataclass(slots=True)
class Verdict:
    """One record of the topic of verdicts."""

    type: str
    event_id: UUID
    data: bytes

    @property
    def verification_id(self) -> UUID:
        return UUID(orjson.loads(self.data)["verification_id"])


@dataclass(slots=True)
class Dossier:
    """The other end: asks by Kafka and collects every verdict that comes from now on."""

    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    _seen: list[Verdict] = field(default_factory=list[Verdict])

    async def ask(self, *events: IdentityVerificationRequested, times: int = 1) -> None:
        """Send each question in one event, the event so many times."""
        for event in events:
            record = encode(envelope(event, source="/hoso/dossier"))
            for _ in range(times):
                await self.producer.send_and_wait(event.topic, record.value, key=record.key, headers=record.headers)

    async def told(self, *events: IdentityVerificationRequested) -> list[Verdict]:
        """Every verdict on these questions that has come so far."""
        batches = await self.consumer.getmany(timeout_ms=20)
        for record in (record for records in batches.values() for record in records):
            event = decode(record.key, record.value, tuple(record.headers))
            self._seen.append(Verdict(event.type, event.id, event.data))
        asked = {event.verification_id for event in events}
        return [verdict for verdict in self._seen if verdict.verification_id in asked]

    async def count_told(self, *events: IdentityVerificationRequested) -> int:
        return len(await self.told(*events))


@asynccontextmanager
async def dossier(kafka: str) -> AsyncGenerator[Dossier]:
    """A dossier that reads what is committed, from the present end of the topic."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka, group_id=None, isolation_level="read_committed", enable_auto_commit=False
    )
    await producer.start()
    await consumer.start()
    try:
        partitions = [TopicPartition(IdentityVerified.topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        for partition, offset in (await consumer.end_offsets(partitions)).items():
            consumer.seek(partition, offset)
        yield Dossier(producer, consumer)
    finally:
        await consumer.stop()
        await producer.stop()
