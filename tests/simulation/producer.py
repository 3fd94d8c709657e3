"""The transactional producer as the relay sees it; what it hands over arrives in order, late, and once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.partitioner import murmur2

from simulation.faults import World
from simulation.kafka import Broker
from simulation.processes import here


class Told(NamedTuple):
    """What the broker says of a batch."""

    offset: int


@dataclass(slots=True)
class Batch:
    """Records of one partition that are sent together."""

    records: list[Any] = field(default_factory=list[Any])

    def append(self, *, key: bytes, value: bytes, headers: Sequence[Any], timestamp: None) -> object:
        del timestamp
        self.records.append((key, value, tuple(headers)))
        return self

    def record_count(self) -> int:
        return len(self.records)


@dataclass(slots=True, eq=False)
class SimulatedProducer:
    """One producer under a transactional id."""

    world: World
    broker: Broker
    name: str
    epoch: int = 0
    is_fenced: bool = False
    _arrives: float = 0.0

    async def start(self) -> None:
        self.epoch = await (await self._hand_over("producer starts", lambda: self.broker.begin_epoch(self.name)))

    async def stop(self) -> None:
        here().require_life()

    async def partitions_for(self, _topic: str) -> set[int]:
        here().require_life()
        return set(range(self.broker.partitions))

    def transaction(self) -> "ProducerTransaction":
        return ProducerTransaction(self)

    def create_batch(self) -> Batch:
        return Batch()

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> asyncio.Future[Told]:
        number = (murmur2(key) & 0x7FFFFFFF) % self.broker.partitions
        batch = Batch([(key, value, tuple(headers))])
        return await self.send_batch(batch, topic, partition=number)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Told]:
        def arrive() -> Told:
            return Told(self.broker.append(self.name, self.epoch, topic, partition, batch.records))

        return await self._hand_over(f"sends {len(batch.records)} to {partition}", arrive)

    async def end(self, *, commit: bool) -> None:
        def arrive() -> None:
            self.broker.end(self.name, self.epoch, commit=commit)

        await (await self._hand_over("commits in Kafka" if commit else "aborts in Kafka", arrive))

    async def _hand_over(self, words: str, arrive: Callable[[], Any]) -> asyncio.Future[Any]:
        """Send a request; the client repeats a lost one, or one whose answer is lost: it takes longer."""
        fate = await self.world.fate(words)
        chance, loop = self.world.chance, self.world.loop
        late = chance.random.uniform(4.0, 20.0)
        self._arrives = max(self._arrives, loop.now + chance.latency() + (late if fate == "cut before" else 0.0))
        answer = loop.create_future()

        def run() -> None:
            result, error = None, None
            try:
                result = arrive()
            except KafkaError as refused:
                error = refused
            loop.serve(chance.latency() + (late if fate == "cut after" else 0.0), self._answer, answer, result, error)

        loop.serve(self._arrives - loop.now, run)
        return answer

    def _answer(self, answer: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        self.is_fenced = self.is_fenced or isinstance(error, ProducerFenced)
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)


@dataclass(slots=True)
class ProducerTransaction:
    """`producer.transaction()`: aborts on an error unless there is nothing left to abort."""

    producer: SimulatedProducer

    async def __aenter__(self) -> None:
        here().require_life()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.producer.end(commit=True)
        elif not self.producer.is_fenced:
            await self.producer.end(commit=False)
