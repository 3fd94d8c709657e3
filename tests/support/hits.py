"""Hits one part of a running stack while it has work in hand: frozen first, looked at, and only then killed or left."""

import asyncio
import logging
import os
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from hoso_stack.supervisor import read_status
from support.hands import Hands
from support.stories import RunningStack
from support.waiting import until_async

KILL: Final = "kill -9"
FREEZE: Final = "stop and continue"
TRIES: Final = 600
_LATE: Final = 0.5  # the part of an API's kills that let it go on for a moment: between the commit and the answer
_LATE_SECONDS: Final = 0.006

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hit:
    """What was done to a part.

    Attributes:
        in_hand: what it was in the middle of.
        at: when it was frozen, by the monotonic clock.
        ready_at: when it could be used again.
        died_at: when it was killed, by the wall clock.
    """

    part: str
    signal: str
    in_hand: str
    at: float
    ready_at: float
    died_at: datetime | None = None

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.part}: {self.signal}, {self.ready_at - self.at:.1f} s away, in hand: {self.in_hand}"


@dataclass(slots=True)
class Hitter:
    """Hits parts of one stack at random moments."""

    stack: RunningStack
    hands: Hands
    chance: random.Random
    hits: list[Hit] = field(default_factory=list[Hit])

    async def hit(self, part: str, how: str, seconds: float = 0.0) -> Hit:
        """Wait for a moment in which the part has work in hand, and kill it or stop it for so many seconds.

        Raises:
            AssertionError: it never had any, or did not come back.
        """
        await asyncio.sleep(self.chance.uniform(0, 0.5))
        pid, at, in_hand = await self._caught(part)
        died_at = datetime.now(UTC) if how == KILL else None
        if how == KILL:
            if part.endswith("-api") and self.chance.random() < _LATE:
                send(pid, signal.SIGCONT)
                await asyncio.sleep(self.chance.uniform(0, _LATE_SECONDS))
            kill(pid, signal.SIGKILL)
            if part.endswith("-worker"):
                await self.hands.leave(part.removesuffix("-worker"))
            await until_async(partial(self._back, part, pid), within=90)
        else:
            await asyncio.sleep(seconds)
            send(pid, signal.SIGCONT)
        made = Hit(part, how if how == KILL else f"{how} after {seconds:.1f} s", in_hand, at, monotonic(), died_at)
        self.hits.append(made)
        log.warning("%s", made)  # pytest shows it when the test fails
        return made

    async def _caught(self, part: str) -> tuple[int, float, str]:
        """Freeze it when it is in the middle of something; frozen it cannot end that before the answer is here."""
        for _ in range(TRIES):
            await asyncio.sleep(self.chance.uniform(0.01, 0.1))
            if (pid := pid_of(self.stack.env(), part)) is None:
                continue  # on its way back
            send(pid, signal.SIGSTOP)
            at = monotonic()
            caught = False
            try:
                if in_hand := await self.hands.look(part, pid):
                    caught = True
                    return pid, at, in_hand
            finally:
                if not caught:
                    send(pid, signal.SIGCONT)
        raise AssertionError(f"{part} was never caught with work in hand")

    async def _back(self, part: str, killed: int) -> bool:
        status = read_status(self.stack.folder)
        parts: Mapping[str, Mapping[str, object]] = status["parts"] if status else {}  # type: ignore[assignment]
        return parts[part]["state"] == "ready" and parts[part]["pid"] not in (None, killed)


def pid_of(env: Mapping[str, str], part: str) -> int | None:
    """The process of a part now; None when it has none."""
    pid = env.get(f"PID_{part.upper().replace('-', '_')}")
    return int(pid) if pid else None


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process and its children: a frozen postmaster's sessions would go on."""
    _signal(_family(pid), number)


def kill(pid: int, how: signal.Signals) -> None:
    """Kill a process that may be frozen, and let its children go on: they must see that it is gone.

    They are looked up before: of a process that is gone nobody knows the children, and one frozen session of
    PostgreSQL keeps the next server from starting for ever.
    """
    family = _family(pid)
    os.kill(pid, how)
    _signal(family, signal.SIGCONT)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *(map(int, children.read_text().split()) if children.exists() else ())]


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for one in pids:
        try:
            os.kill(one, number)
        except ProcessLookupError:
            continue
