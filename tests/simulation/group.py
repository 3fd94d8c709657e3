"""A simulated consumer group: who is in it, when its partitions move, and who is thought dead; it reads no record."""

import asyncio
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from aiokafka import TopicPartition

from simulation.faults import World
from simulation.processes import SimulatedProcess

SESSION_SECONDS: Final = 10.0
REBALANCE_SECONDS: Final = 10.0


@dataclass(slots=True, eq=False)
class Member:
    """One member as the coordinator knows it. `notice`: done when it has to join again."""

    process: SimulatedProcess
    notice: asyncio.Future[None]


@dataclass(slots=True, eq=False)
class Group:
    """The coordinator of one group."""

    world: World
    partitions: list[TopicPartition]
    members: list[Member] = field(default_factory=list[Member])
    told: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    _joining: dict[Member, asyncio.Future[Any]] = field(default_factory=dict[Member, "asyncio.Future[Any]"])
    _deadline: Any = None

    def __post_init__(self) -> None:
        self.world.on_kill.append(self._miss)
        self.world.on_stop.append(self._miss)

    def join(self, member: Member, answer: "asyncio.Future[Any]") -> None:
        """A member asks for its share; it is told when all have asked, or the time for that is over."""
        if member.process.is_gone:
            return
        self._joining[member] = answer
        self.rebalance()

    def leave(self, member: Member) -> None:
        """A member goes."""
        self._joining.pop(member, None)
        if member in self.members:
            self.members.remove(member)
            self.rebalance()

    def rebalance(self) -> None:
        """Tell everybody to join again."""
        if self._deadline is None:
            self._deadline = self.world.loop.serve(REBALANCE_SECONDS, self._complete)
            for member in self.members:
                if member not in self._joining:
                    self.world.loop.serve(self.world.chance.random.random(), _tell, member.notice, None)
        if all(member in self._joining for member in self.members) and self._joining:
            self._deadline.cancel()
            self._deadline = self.world.loop.serve(self.world.chance.random.random(), self._complete)

    def _complete(self) -> None:
        """Give the partitions to those who are there; the others are out."""
        self._deadline = None
        joined, self._joining = self._joining, {}
        for member in self.members:
            if member not in joined:
                _tell(member.notice, None)
        self.members = list(joined)
        shares: dict[Member, list[TopicPartition]] = {member: [] for member in joined}
        order = list(joined)
        self.world.chance.random.shuffle(order)
        for number, partition in enumerate(self.partitions if order else []):
            shares[order[number % len(order)]].append(partition)
        for member, answer in joined.items():
            self.world.loop.serve(self.world.chance.latency(), _tell, answer, shares[member])

    def _miss(self, process: SimulatedProcess, seconds: float = inf) -> None:
        if seconds > SESSION_SECONDS:
            self.world.loop.serve(SESSION_SECONDS, self._expire, process)

    def _expire(self, process: SimulatedProcess) -> None:
        if process.is_running:
            return
        for member in [one for one in (*self.members, *self._joining) if one.process is process]:
            self.world.tell(f"group: {process.name} is thought dead")
            _tell(member.notice, None)
            self.leave(member)


def _tell(future: "asyncio.Future[Any]", words: Any) -> None:
    if not future.done():
        future.set_result(words)
