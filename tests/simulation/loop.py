"""An event loop on virtual time: what runs next is decided by time and order alone; it opens no socket."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any

from simulation.processes import OWNER


class EndlessSchedule(AssertionError):
    """The schedule made more steps than any honest one: something turns without pause."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in the order in which they fall due; those of a stopped or ended process are kept by it.

    Attributes:
        now: virtual seconds since the schedule began.
        failures: what a callback or a forgotten task raised; a schedule must have none.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.failures: list[str] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._count = count()
        self._is_closed = False
        self._servers = Context()

    def time(self) -> float:
        return self.now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._is_closed

    def is_closed(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        self._is_closed = True

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # pyright: ignore[reportIncompatibleMethodOverride] - only coroutines become tasks here
        self, coro: Coroutine[Any, Any, Any], *, name: object = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=str(name or "task"), context=context)
        if (owner := OWNER.get()) is not None:
            owner.tasks.add(task)
            task.add_done_callback(owner.tasks.discard)
        return task

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._count), timer))
        return timer

    def serve(self, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Let a server do something after `delay` seconds, whatever becomes of the process that asked for it."""
        return self.call_at(self.now + delay, callback, *args, context=self._servers)

    def ready(self, handle: asyncio.Handle) -> None:
        """Put back what a stopped process kept."""
        self._ready.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when they fall due."""

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Note what a callback raised; what a forgotten task raised is told whenever it is collected, so it is not."""
        if "handle" not in context:
            return
        error = context.get("exception")
        self.failures.append(f"{context.get('message')}: {type(error).__name__} {error}")

    def run_while(self, wanted: Callable[[], bool], steps: int) -> None:
        """Run until `wanted` is false or nothing is left.

        Raises:
            EndlessSchedule: `steps` were not enough.
        """
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            for _ in range(steps):
                if not wanted() or not self._step():
                    return
        finally:
            asyncio._set_running_loop(before)
        raise EndlessSchedule(f"{steps} steps, and no end at {self.now:.3f} s")

    def _step(self) -> bool:
        if not self._ready and not self._advance():
            return False
        handle = self._ready.popleft()
        if handle._cancelled:
            return True
        owner = handle._context.get(OWNER)
        if owner is not None and not owner.is_running:
            owner.kept.append(handle)
        else:
            handle._run()
        return True

    def _advance(self) -> bool:
        """Go to the next moment at which something is due, and make all of that moment ready."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not timers:
            return False
        self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            self._ready.append(heappop(timers)[2])
        return True
