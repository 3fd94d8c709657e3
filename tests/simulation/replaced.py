"""What the chassis' modules have instead of clocks, chance, drivers and logs while a schedule runs."""

import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from simulation.driver import SimulatedPool
from simulation.faults import World
from simulation.group import Group
from simulation.kafka import Broker
from simulation.producer import SimulatedProducer
from simulation.read_back_client import LogReader
from simulation.subscription import SimulatedClient, SimulatedSubscription


@dataclass(slots=True, eq=False)
class Machines:
    """The servers of one schedule."""

    world: World
    broker: Broker
    group: Group

    def monotonic(self) -> float:
        return self.world.loop.now

    async def open_pool(self, *_: Any) -> SimulatedPool:
        return SimulatedPool(self.world)

    def producer(self, *, transactional_id: str, **_: Any) -> SimulatedProducer:
        return SimulatedProducer(self.world, self.broker, transactional_id)

    def reader(self, **_: Any) -> LogReader:
        return LogReader(self.world, self.broker)

    def subscribe(self, membership: Any, listener: Any, turn: Any, take: Any) -> SimulatedSubscription:
        client = SimulatedClient(self.world, self.broker, self.group.told)
        return SimulatedSubscription(self.world, self.group, client, membership, listener, turn, take)


class Silence:
    """A log that nobody reads."""

    def __getattr__(self, name: str) -> Any:
        return _say_nothing


def _no_span(*_: Any, **__: Any) -> nullcontext[None]:
    return nullcontext()


def _say_nothing(*_: Any, **__: Any) -> None:
    return


@contextmanager
def replaced(machines: Machines) -> Generator[None]:
    """Give the chassis these machines: every module that has imported such a name has another one meanwhile."""
    chance = machines.world.chance
    instead: dict[str, Any] = {
        "monotonic": machines.monotonic,
        "uuid7": chance.uuid,
        "random": chance.random,
        "log": Silence(),
        "span": _no_span,
        "current_traceparent": _say_nothing,
        "open_pool": machines.open_pool,
        "AIOKafkaProducer": machines.producer,
        "AIOKafkaConsumer": machines.reader,
        "subscribe": machines.subscribe,
    }
    before: list[tuple[ModuleType, str, Any]] = []
    for module in _chassis():
        for name in instead.keys() & vars(module).keys():
            before.append((module, name, getattr(module, name)))
            setattr(module, name, instead[name])
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def _chassis() -> list[ModuleType]:
    return [module for name, module in sorted(sys.modules.items()) if name.startswith("hoso_chassis.")]
