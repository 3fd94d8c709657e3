"""Replicas of a worker beside the one that the stack keeps: started and ended by hand, as an orchestrator does it."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Final

from support.hits import Hit, pid_of
from support.scene import Scene
from support.standby import environment_of
from support.waiting import until_async

START_SECONDS: Final = 120.0  # of a machine on which much else runs
STOP_SECONDS: Final = 30.0
_numbers: Final = count(2)  # the stack's own is the first


@dataclass(slots=True)
class Replica:
    """One process.

    Attributes:
        part: what it is one of, "dossier-worker".
        name: its static name in the group; None: a new member at every start.
    """

    part: str
    name: str | None
    environment: dict[str, str]
    log: Path
    _process: asyncio.subprocess.Process | None = field(default=None)

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it; returns when it has joined."""
        before = self._said("started")
        service, _, role = self.part.partition("-")
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"hoso_{service}", "serve", "--role", role,
                env=self.environment, stdout=out, stderr=out,
            )  # fmt: skip

        async def joined() -> bool:
            assert self._process is not None
            assert self._process.returncode is None, self.log.read_text()[-2000:]
            return self._said("started") > before

        await until_async(joined, within=START_SECONDS)

    async def stop(self) -> int:
        """Ask it to end as an orchestrator does; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            return await self._process.wait()

    async def ended(self, within: float) -> int:
        """Wait until it ends by itself; returns its exit status."""
        assert self._process is not None
        async with asyncio.timeout(within):
            return await self._process.wait()

    def _said(self, event: str) -> int:
        return self.log.read_text().count(f'"event":"{event}"') if self.log.exists() else 0

    async def kill(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


def replica(on: Scene, part: str, name: str | None) -> Replica:
    """One more, in the surroundings of the one that the stack keeps; not started yet."""
    own = f"{part}-{next(_numbers)}"
    environment = environment_of(pid_of(on.stack.env(), part))
    environment |= {"HEALTH_PORT": "0", "SPANS_FILE": str(on.stack.folder / "spans" / f"{own}.jsonl")}
    environment.pop("GROUP_INSTANCE_ID", None)
    environment |= {"GROUP_INSTANCE_ID": name} if name else {}
    return Replica(part, name, environment, on.stack.folder / "logs" / f"{own}.log")


@dataclass(slots=True)
class Replicas:
    """All replicas of one part that were started by hand."""

    on: Scene
    part: str
    named: bool
    running: list[Replica] = field(default_factory=list[Replica])
    every: list[Replica] = field(default_factory=list[Replica])

    async def one_more(self) -> Replica:
        """Start another."""
        name = f"{self.part}-{len(self.every) + 2}" if self.named else None
        return await self._start(replica(self.on, self.part, name))

    async def _start(self, new: Replica) -> Replica:
        self.every.append(new)
        await new.start()
        self.running.append(new)
        return new

    async def end_one(self, old: Replica) -> Hit:
        """End the process with SIGTERM, well; the hit says what the group had in hand, and is not noted yet."""
        in_hand, at = await self.on.hitter.hands.look(self.part, old.pid), monotonic()
        self.running.remove(old)
        assert await old.stop() == 0, f"{old.log} did not end well"
        return Hit(self.part, "SIGTERM", in_hand, at, monotonic())

    async def roll(self) -> None:
        """Replace all of them one after the other.

        Those with names as a StatefulSet does: the old one ends, one of the same name follows. Those without as a
        Deployment does: the new one is ready before the old one ends.
        """
        for old in list(self.running):
            if self.named:
                hit = await self.end_one(old)
                await self._start(old)
            else:
                await self.one_more()
                hit = await self.end_one(old)
            self.on.hitter.hits.append(Hit(hit.part, hit.signal, hit.in_hand, hit.at, monotonic()))


@asynccontextmanager
async def replicas(on: Scene, part: str, *, named: bool, so_many: int) -> AsyncGenerator[Replicas]:
    """So many beside the stack's own; all have ended after the block."""
    group = Replicas(on, part, named)
    try:
        await asyncio.gather(*(group.one_more() for _ in range(so_many)))
        yield group
        for one in list(group.running):
            await group.end_one(one)
    finally:
        for one in group.every:
            await one.kill()
