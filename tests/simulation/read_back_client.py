"""The Kafka client that reads a log back, as the relay sees it: no group, positions by hand."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from simulation.faults import World
from simulation.kafka import Broker, Logged
from simulation.processes import here

FACTS: Final = "dossier.lifecycle.v1"


@dataclass(slots=True, eq=False)
class LogReader:
    """Reads what is committed, from where it was told to."""

    world: World
    broker: Broker
    at: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    paused: set[TopicPartition] = field(default_factory=set[TopicPartition])

    async def start(self) -> None:
        await self._way("reader starts")

    async def stop(self) -> None:
        here().require_life()

    async def topics(self) -> set[str]:
        return {FACTS}

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self.at = dict.fromkeys(partitions, 0)

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        await self._way("asks for ends")
        return {one: self.broker.log(*one).stable_end for one in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused.update(partitions)

    async def position(self, partition: TopicPartition) -> int:
        return self.at[partition]

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Logged]]:
        await self._way("reads back")
        found: dict[TopicPartition, list[Logged]] = {}
        for one in [one for one in self.at if one not in self.paused]:
            log = self.broker.log(*one)
            records = log.entries[self.at[one] : log.stable_end][: min(3, max_records)]
            self.at[one] += len(records)
            if good := [entry.record for entry in records if entry.state == "committed"]:
                found[one] = good
        if not found:
            await asyncio.sleep(timeout_ms / 1000)
        return found

    async def _way(self, words: str) -> Any:
        await self.world.fate(words, can_cut=False)
        await asyncio.sleep(self.world.chance.latency())
