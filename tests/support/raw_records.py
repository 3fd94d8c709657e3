"""Raw records, as any producer could leave them in a topic, and the writing of them; nothing here judges one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from hoso_contracts.envelope import Record

How = Literal["plain", "gzip", "lz4", "snappy", "zstd", "committed", "aborted"]
"""How a record is written: plainly, in a compressed batch, or in a transaction that ends like this."""

BATCH_LIMIT: Final = 344_064  # max.message.bytes of every topic, see its YAML


@dataclass(frozen=True, slots=True)
class Raw:
    """One record, in bytes.

    Attributes:
        time: the producer's own, in milliseconds since 1970; None: now. The topics put the broker's in its place.
    """

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    time: int | None = None
    how: How = "plain"

    @classmethod
    def of(cls, record: Record) -> "Raw":
        """A record as Hoso writes it."""
        return cls(record.key, record.value, tuple(record.headers))

    def but(self, **attributes: bytes | None) -> "Raw":
        """With these CloudEvents attributes in the place of what they were."""
        changed = {f"ce_{name}": value for name, value in attributes.items()}
        return replace(self, headers=tuple((name, changed.get(name, value)) for name, value in self.headers))

    def without(self, *names: str) -> "Raw":
        """Without the headers of these names."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] not in names))

    def plus(self, *headers: tuple[str, bytes | None]) -> "Raw":
        """With further headers behind the others."""
        return replace(self, headers=(*self.headers, *headers))

    @property
    def batch_bytes(self) -> int:
        """Size of a batch that holds this record alone: what the broker counts."""
        record = 3 + _field(self.key) + _field(self.value) + _varint(len(self.headers))
        record += sum(_field(name.encode()) + _field(value) for name, value in self.headers)
        return 61 + _varint(record) + record


def _field(value: bytes | None) -> int:
    return _varint(len(value)) + len(value) if value is not None else 1


def _varint(number: int) -> int:
    """Octets of a signed number in Kafka's record format: zigzag, seven bits in each."""
    return max(1, -(-(number << 1).bit_length() // 7))


@dataclass(slots=True)
class Writer:
    """Writes records to one partition, in order, each as it says."""

    bootstrap_servers: str
    topic: str
    partition: int
    _producers: dict[str, AIOKafkaProducer] = field(default_factory=dict[str, AIOKafkaProducer])

    async def write(self, records: Sequence[Raw]) -> list[int]:
        """Write all of them; returns their offsets."""
        offsets: list[int] = []
        at = 0
        while at < len(records):
            end = at + 1
            while end < len(records) and records[end].how == records[at].how:
                end += 1
            offsets += await self._write_alike(records[at:end], records[at].how)
            at = end
        return offsets

    async def _write_alike(self, records: Sequence[Raw], how: How) -> list[int]:
        producer = await self._producer(how)
        if how not in {"committed", "aborted"}:
            return await self._send(producer, records)
        await producer.begin_transaction()
        offsets = await self._send(producer, records)
        await (producer.commit_transaction() if how == "committed" else producer.abort_transaction())
        return offsets

    async def _send(self, producer: AIOKafkaProducer, records: Sequence[Raw]) -> list[int]:
        sent = [
            await producer.send(
                self.topic,
                one.value,
                key=one.key,
                headers=list(one.headers),
                partition=self.partition,
                timestamp_ms=one.time,
            )
            for one in records
        ]
        return [written.offset for written in await asyncio.gather(*sent)]

    async def _producer(self, how: How) -> AIOKafkaProducer:
        if how not in self._producers:
            options: dict[str, Any] = {"max_request_size": 2**26, "compression_type": None if how == "plain" else how}
            if how in {"committed", "aborted"}:
                options = {"transactional_id": f"test.{self.topic}.{how}"}
            self._producers[how] = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers, **options)
            await self._producers[how].start()
        return self._producers[how]

    async def forget(self, before: int) -> None:
        """Delete everything in the partition up to an offset: whoever reads whole topics later need not read it."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        try:
            await admin.delete_records({TopicPartition(self.topic, self.partition): RecordsToDelete(before)})
        finally:
            await admin.close()

    async def close(self) -> None:
        """End every producer."""
        for producer in self._producers.values():
            await producer.stop()


@asynccontextmanager
async def writing(bootstrap_servers: str, topic: str, partition: int) -> AsyncGenerator[Writer]:
    """A writer for as long as the block lasts."""
    writer = Writer(bootstrap_servers, topic, partition)
    try:
        yield writer
    finally:
        await writer.close()
