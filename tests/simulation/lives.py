"""The lives of simulated processes: a worker and relay each, started again after its end; it decides nothing."""

import asyncio
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from hoso_chassis.batch import Batches
from hoso_chassis.breaker import Breaker
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.lease import Lease
from hoso_chassis.performer import Performer
from hoso_chassis.policy import Halt
from hoso_chassis.relay import Relay
from simulation import service
from simulation.chance import moment
from simulation.faults import World
from simulation.outside import Outside
from simulation.plan import GROUP
from simulation.processes import OWNER, SimulatedProcess
from simulation.rules import Rules

_WAITS: Final[dict[str, Any]] = {
    "shortest_wait": 0.1,
    "longest_wait": 3.0,
}  # between two looks at nothing: they cost real time


@dataclass(slots=True, eq=False)
class Fleet:
    """All places at which a process runs, one life after the other."""

    world: World
    outside: Outside
    rules: Rules
    processes: list[SimulatedProcess] = field(default_factory=list[SimulatedProcess])
    _ending: dict[SimulatedProcess, asyncio.Event] = field(default_factory=dict[SimulatedProcess, asyncio.Event])
    _lives: int = 0
    _is_cleared: bool = False

    def __post_init__(self) -> None:
        self.world.on_kill.append(self._begin_anew)

    @property
    def is_any_stopped(self) -> bool:
        """Whether somebody has yet to wake up."""
        return any(not process.is_running and not process.is_gone for process in self.processes)

    def begin_place(self) -> None:
        """Start a process now."""
        self._lives += 1
        process = SimulatedProcess(f"p{self._lives}")
        self.processes.append(process)
        self.world.tell(f"{process.name} begins")
        context = copy_context()
        context.run(OWNER.set, process)
        self.world.loop.call_soon(self._spawn, process, context=context)

    def kill(self) -> None:
        """Kill one of those that live with signal 9."""
        if (process := self._any()) is not None:
            self.world.tell(f"{process.name} !! killed")
            self.world.kill(process)

    def stop(self) -> None:
        """SIGSTOP to one of those that run."""
        if (process := self._any()) is not None and process.is_running:
            self.world.tell(f"{process.name} !! stopped")
            self.world.stop(process)

    def end(self) -> None:
        """SIGTERM to one of those that live."""
        if (process := self._any()) is not None and process in self._ending:
            self.world.tell(f"{process.name} !! told to end")
            self._ending[process].set()

    def clear_away(self) -> None:
        """End every task that is left; none of them reaches a machine any more."""
        self._is_cleared = True
        for process in self.processes:
            process.is_gone = process.is_running = True
            for handle in process.kept:
                self.world.loop.ready(handle)
            process.kept = []
        for process in self.processes:
            for task in process.tasks:
                task.cancel()
        self.world.loop.run_while(lambda: any(process.tasks for process in self.processes), 100_000)
        self.world.loop.close()

    def _any(self) -> SimulatedProcess | None:
        alive = [process for process in self.processes if not process.is_gone]
        return self.world.chance.random.choice(alive) if alive else None

    def _begin_anew(self, _: SimulatedProcess) -> None:
        self.world.loop.serve(self.world.chance.random.uniform(0.2, 3.0), self.begin_place)

    def _spawn(self, process: SimulatedProcess) -> None:
        task = self.world.loop.create_task(self._live(process))
        task.add_done_callback(self._look_at_end)

    def _look_at_end(self, task: "asyncio.Task[None]") -> None:
        if not self._is_cleared and not task.cancelled() and (error := task.exception()) is not None:
            self.rules.breaches.append(f"a process ended by {type(error).__name__}: {error}")

    async def _live(self, process: SimulatedProcess) -> None:
        """What `hoso_chassis.process` does for the roles worker and relay."""
        database = Database("", service.SOURCE, clock=lambda: moment(self.world.loop.now))
        kinds = service.kinds(self.outside)
        database.max_ages = {kind.name: timedelta(days=3) for kind in kinds}
        await database.open()
        relay = Relay(database, "", lease=Lease("relay", holder=self.world.chance.uuid()), **_WAITS)
        performers = [self._performer(database, kind) for kind in kinds]
        loops = [asyncio.create_task(loop.run()) for loop in (relay, *performers)]
        batches = Batches(database, GROUP, service.inbound(self.rules.plan), service.Tallies())
        consumer = Consumer(batches, "", max_records=self.world.chance.random.randint(1, 5))
        await consumer.start()
        self._ending[process] = ending = asyncio.Event()
        told = asyncio.create_task(ending.wait())
        done, _ = await asyncio.wait({told, consumer.halted, *loops}, return_when=asyncio.FIRST_COMPLETED)
        if told in done:
            await self._end_gently(consumer, performers, relay, loops)
        for one in done:
            if one is not told and (error := one.exception()) and not isinstance(error, Halt):
                raise error
        self.world.tell(f"{process.name} ends")
        self.world.kill(process)

    def _performer(self, database: Database, kind: Any) -> Performer[service.Tally]:
        clock = self.world.loop.time
        performer = Performer(database, kind, service.Tallies(), Breaker(kind.target, clock=clock), **_WAITS)
        performer._floors.timer = clock
        return performer

    async def _end_gently(
        self, consumer: Consumer[Any], performers: list[Performer[Any]], relay: Relay, loops: list[asyncio.Task[None]]
    ) -> None:
        await consumer.stop()
        for performer in performers:
            performer.stop()
        await asyncio.gather(*loops[1:])
        relay.stop()
        await loops[0]
