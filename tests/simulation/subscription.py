"""The Kafka client and FastStream's loop as the chassis' consumer sees them; they judge no record."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError

from hoso_chassis.subscription import Membership
from simulation.faults import World
from simulation.group import Group, Member
from simulation.kafka import Broker, Logged
from simulation.processes import here

_FETCH_SECONDS: Final = 1.0


@dataclass(slots=True)
class Reading:
    """Where the client stands in one partition; None: it has not been told, and Kafka knows nothing."""

    position: int | None = None
    is_paused: bool = False


@dataclass(slots=True, eq=False)
class SimulatedClient:
    """One consumer client. `told`: Kafka's own offsets of the group, which nobody may rely on."""

    world: World
    broker: Broker
    told: dict[TopicPartition, int]
    readings: dict[TopicPartition, Reading] = field(default_factory=dict[TopicPartition, Reading])

    def assignment(self) -> Any:
        return dict.fromkeys(self.readings).keys()  # a set that keeps its order, as the seed wants it

    def pause(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._reading(partition).is_paused = True

    def resume(self, *partitions: TopicPartition) -> None:
        for partition in partitions:
            self._reading(partition).is_paused = False

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._reading(partition).position = offset

    def highwater(self, partition: TopicPartition) -> int:
        return self.broker.log(*partition).end

    async def position(self, partition: TopicPartition) -> int:
        here().require_life()
        if (position := self._reading(partition).position) is None:
            raise IllegalStateError(partition)
        return position

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        await self._way("asks for beginnings")
        return dict.fromkeys(partitions, 0)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._way("tells Kafka")
        self.told.update(offsets)

    async def fetch(self, most: int) -> Sequence[Logged]:
        """Wait for records, hand over at most so many, and stand behind them: in one step, as aiokafka does."""
        here().require_life()
        if not self._has_some():
            woken = self.world.loop.create_future()
            self.broker.appended.append(lambda: None if woken.done() else woken.set_result(None))
            await asyncio.wait({woken}, timeout=_FETCH_SECONDS)
        if self._has_some():
            await self._way("fetches")
        return self._next(most)

    def _has_some(self) -> bool:
        return any(
            reading.position is None or reading.position < self.broker.log(*partition).stable_end
            for partition, reading in self.readings.items()
            if not reading.is_paused
        )

    def _next(self, most: int) -> list[Logged]:
        found: list[Logged] = []
        for partition, reading in self.readings.items():
            if reading.is_paused:
                continue
            if reading.position is None:
                if partition not in self.told:
                    raise NoOffsetForPartitionError(partition)
                reading.position = self.told[partition]
            log = self.broker.log(*partition)
            while reading.position < log.stable_end and len(found) < most:
                entry = log.entries[reading.position]
                reading.position += 1
                if entry.state == "committed":
                    found.append(entry.record)
        return found

    async def _way(self, words: str) -> None:
        await self.world.fate(words, can_cut=False)
        await asyncio.sleep(self.world.chance.latency())

    def _reading(self, partition: TopicPartition) -> Reading:
        if partition not in self.readings:
            raise IllegalStateError(partition)
        return self.readings[partition]


@dataclass(slots=True, eq=False)
class SimulatedSubscription:
    """A member of the group whose loop turns as FastStream's does."""

    world: World
    group: Group
    consumer: SimulatedClient
    membership: Membership
    listener: Any
    turn: Any
    take: Any
    _is_running: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    _member: Member | None = None

    async def start(self) -> None:
        self._is_running = True
        self._tasks = [asyncio.create_task(self._belong()), asyncio.create_task(self._turn_on())]

    async def stop(self) -> None:
        self._is_running = False
        if self._tasks:
            self._tasks[0].cancel()
            await asyncio.wait(self._tasks)
        if self._member is not None:
            self.group.leave(self._member)

    async def _turn_on(self) -> None:
        while self._is_running:
            try:
                records = await self.turn(self._fetch, self.consumer)
            except KafkaError:
                await asyncio.sleep(5)
            else:
                if records:
                    await self.take(records)

    async def _fetch(self, client: SimulatedClient) -> Sequence[Logged]:
        try:
            return await client.fetch(self.membership.max_records)
        except NoOffsetForPartitionError:
            await asyncio.sleep(self.world.chance.latency() + 0.01)
            raise

    async def _belong(self) -> None:
        """Join, hold the share, and give it back when the group moves."""
        client, loop = self.consumer, self.world.loop
        self._member = member = Member(here(), loop.create_future())
        while True:
            await self.listener.on_partitions_revoked(client.assignment())
            await self.world.fate("joins", can_cut=False)
            member.notice, answer = loop.create_future(), loop.create_future()
            loop.serve(self.world.chance.latency(), self.group.join, member, answer)
            await asyncio.wait({answer, member.notice}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                client.readings = {partition: Reading() for partition in answer.result()}
                await self.listener.on_partitions_assigned(client.assignment())
                await member.notice
            await asyncio.sleep(self.world.chance.random.random())  # until the next heartbeat
