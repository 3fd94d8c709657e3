"""Who leads what in a cluster of brokers, asked of the cluster or read from its nodes' files; it changes nothing."""

import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import KafkaError

from hoso_contracts.topics import TOPICS
from hoso_stack.layout import SERVICES
from support.stories import RunningStack

BROKERS: Final = 3
_ANSWER_MS: Final = 1_500  # a frozen broker is asked in vain; then another is


@dataclass(frozen=True, slots=True)
class Office:
    """Something that one broker leads: what it is, and who has it now (None: nobody says)."""

    name: str
    holder: Callable[[], Awaitable[int | None]]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers of a stack."""

    stack: RunningStack
    client: Any  # AIOKafkaClient, which is not typed

    async def in_sync(self) -> bool:
        """Whether each of the three replicas of every partition has everything: any one broker may go now."""
        await self.client.force_metadata_update()
        found = [one for topic in self.client.cluster._partitions.values() for one in topic.values()]
        return len(self.client.cluster.brokers()) == BROKERS and all(len(one.isr) == BROKERS for one in found)

    async def _asked(self, question: Callable[[], Awaitable[int | None]]) -> int | None:
        try:
            await self.client.force_metadata_update()
            return await question()
        except (KafkaError, TimeoutError):
            return None

    def partition(self, topic: str, number: int) -> Office:
        """The leader of a partition."""

        async def ask() -> int | None:
            leader = self.client.cluster.leader_for_partition(TopicPartition(topic, number))
            return leader if leader is not None and leader >= 0 else None

        return Office(f"leader of {topic}/{number}", lambda: self._asked(ask))

    def group(self, service: str) -> Office:
        """The coordinator of a service's consumer group."""
        return self._coordinator("group coordinator", CoordinationType.GROUP, f"hoso.{service}")

    def transactions(self, service: str) -> Office:
        """The coordinator of the transactions of a service's relay."""
        return self._coordinator("transaction coordinator", CoordinationType.TRANSACTION, f"hoso.{service}.relay")

    def _coordinator(self, what: str, kind: CoordinationType, key: str) -> Office:
        async def ask() -> int | None:
            return await self.client.coordinator_lookup(kind, key)

        return Office(f"{what} of {key}", lambda: self._asked(ask))

    def controller(self) -> Office:
        """The active controller, as the nodes have written down whom they elected: clients are not told."""

        async def read() -> int | None:
            files = self.stack.folder.glob("kafka/*/data/__cluster_metadata-0/quorum-state")
            states = [json.loads(file.read_text()) for file in files]
            last = max(states, key=lambda state: state["leaderEpoch"])
            return last["leaderId"] if last["leaderId"] >= 0 else None

        return Office("active controller", read)

    def any_office(self, kind: str, chance: random.Random) -> Office:
        """One of a kind: "partition", "transactions", "group", "controller"."""
        if kind == "partition":
            topic = chance.choice(sorted(name for name in TOPICS if name != "dossier.snapshots.v1"))
            return self.partition(topic, chance.randrange(TOPICS[topic].partitions))
        if kind == "controller":
            return self.controller()
        return getattr(self, kind)(chance.choice(SERVICES))


@asynccontextmanager
async def cluster_of(stack: RunningStack) -> AsyncGenerator[Cluster]:
    """The brokers of a stack, for as long as the block lasts."""
    client = AIOKafkaClient(bootstrap_servers=stack.env()["KAFKA_BOOTSTRAP_SERVERS"], request_timeout_ms=_ANSWER_MS)
    await client.bootstrap()
    try:
        yield Cluster(stack, client)
    finally:
        await client.close()
