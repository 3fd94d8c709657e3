"""The world of one schedule, and what can befall a process at each point where it speaks to another; by the seed."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from simulation.chance import Chance
from simulation.loop import SimulatedLoop
from simulation.postgres import Server
from simulation.processes import SimulatedProcess, here
from simulation.tables import Tables

_SLEEPS: Final = (0.3, 2.0, 6.5, 11.0, 13.0, 26.0)  # around the lease of the lead, of the group, of a claim, and idle
_IDLE_SECONDS: Final = 20.0  # the pool's idle_in_transaction_session_timeout
_FATES: Final = ("kill", "stop", "cut before", "cut after", "restart")
_WEIGHTS: Final = (6, 6, 4, 5, 1)


@dataclass(slots=True, eq=False)
class World:
    """One schedule's machines.

    Attributes:
        on_kill: told of a process that was killed or stopped, for how long.
    """

    loop: SimulatedLoop
    chance: Chance
    tables: Tables
    server: Server
    on_kill: list[Any] = field(default_factory=list[Any])
    on_stop: list[Any] = field(default_factory=list[Any])

    def tell(self, words: str) -> None:
        """Add a line to the trace."""
        self.chance.tell(self.loop.now, words)

    async def fate(self, words: str, *, can_cut: bool = True) -> str:
        """A point at which the process hands something to another machine; what happens to what it hands over."""
        owner = here()
        owner.require_life()
        self.tell(f"{owner.name} {words}")
        if not self.chance.strikes():
            return ""
        (fate,) = self.chance.random.choices(_FATES, _WEIGHTS)
        self.tell(f"{owner.name} !! {fate}")
        if fate == "kill":
            self.kill(owner)
            await self.loop.create_future()
        elif fate == "stop":
            self.stop(owner)
        elif fate == "restart":
            self.server.restart(self.chance.random.choice((0.1, 1.0, 7.0)))
        return fate if can_cut else ""

    def kill(self, process: SimulatedProcess) -> None:
        """Signal 9: nothing of it runs again; its connections end a moment later."""
        process.is_running, process.is_gone = False, True
        for session in process.sessions:
            self.loop.serve(self.chance.latency(), self.server.cut, session)
        for listener in self.on_kill:
            listener(process)

    def stop(self, process: SimulatedProcess) -> None:
        """SIGSTOP, and SIGCONT some seconds later."""
        seconds = self.chance.random.choice(_SLEEPS)
        process.is_running = False
        for session in process.sessions:
            if session.transaction is not None and seconds > _IDLE_SECONDS:
                self.loop.serve(_IDLE_SECONDS, self.server.cut_idle, session, session.last_heard)
        for listener in self.on_stop:
            listener(process, seconds)
        self.loop.serve(seconds, self._wake, process)

    def _wake(self, process: SimulatedProcess) -> None:
        if process.is_gone or process.is_running:
            return
        self.tell(f"{process.name} wakes")
        process.is_running, process.woken_at = True, self.loop.now
        kept, process.kept = process.kept, []
        for handle in kept:
            self.loop.ready(handle)


def never() -> asyncio.Future[Any]:
    """What a killed process waits for."""
    return asyncio.get_running_loop().create_future()
