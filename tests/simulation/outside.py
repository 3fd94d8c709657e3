"""A simulated outside system with a journal: it does what it is asked, or not, and its answer may be lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hoso_chassis.work import OutcomeUnknown, TargetRefused, TargetUnavailable
from simulation.faults import World
from simulation.plan import Plan

_TROUBLES = ("unavailable", "hangs", "hangs and does it", "loses the request", "loses the answer")


@dataclass(slots=True, eq=False)
class Entry:
    """One call. `how`: begun, denied (the caller knows that it was not done), or done."""

    number: int
    call: str
    how: str = "begun"
    slept: bool = False


@dataclass(slots=True, eq=False)
class Outside:
    """Mail and SMS. `before` and `effect` look at each call when it begins and when it is done."""

    world: World
    plan: Plan
    journal: list[Entry] = field(default_factory=list[Entry])
    begins: Callable[[Entry], None] = lambda _: None
    effect: Callable[[Entry], None] = lambda _: None

    def perform(self, task: Any) -> Awaitable[None]:
        """Make the call.

        Between the chassis' last look at its clock and this there is no point at which a process can be stopped; one
        that is stopped right behind it, before the call begins, is beyond what the chassis promises, and marked.
        """
        return self._call(Entry(task.number, task.call), self.world.loop.now)

    async def _call(self, entry: Entry, asked_at: float) -> None:
        entry.slept = self.world.loop.now > asked_at
        await self.world.fate(f"calls {entry.call} for {entry.number}", can_cut=False)
        self.journal.append(entry)
        self.begins(entry)
        chance, loop = self.world.chance, self.world.loop
        trouble = chance.random.choice(_TROUBLES) if chance.strikes() else ""
        if trouble:
            self.world.tell(f"outside {trouble}")
        answer: asyncio.Future[None] = loop.create_future()
        loop.serve(min(chance.latency(), 2.5), self._arrive, entry, answer, trouble)
        await answer

    def _arrive(self, entry: Entry, answer: "asyncio.Future[None]", trouble: str) -> None:
        error: Exception | None = None
        if trouble == "unavailable":
            entry.how, error = "denied", TargetUnavailable()
        elif entry.call in self.plan.by_number[entry.number].refused:
            entry.how, error = "refused", TargetRefused()
        elif trouble not in {"hangs", "loses the request"}:
            entry.how = "done"
            self.effect(entry)
        if trouble.startswith("loses"):
            error = OutcomeUnknown()
        if not trouble.startswith("hangs"):
            self.world.loop.serve(min(self.world.chance.latency(), 1.0), _answer, answer, error)


def _answer(answer: "asyncio.Future[None]", error: Exception | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(None)
    else:
        answer.set_exception(error)
