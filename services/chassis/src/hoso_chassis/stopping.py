"""How a process ends: a first signal asks, a second ends it at once, a clock ends what does not; it knows no role."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from types import FrameType
from typing import Final

import structlog

from hoso_chassis.policy import Halt, place

STOP_SECONDS: Final = 30.0  # what Kubernetes grants unless told otherwise
CUT_SHORT: Final = 75  # exit status (EX_TEMPFAIL): ended with something in hand, which is as safe as being killed
# Seconds after the beginning of the stop until which each may take; what is not done by then is cut off.
SOURCES_UNTIL: Final = 18.0  # requests and batches in hand, calls in flight
RELAY_UNTIL: Final = 24.0
CLOSED_UNTIL: Final = 27.5  # health server, connections, pool
_LAST_UNTIL: Final = 29.0  # threads that hang, a loop that does not turn: the process ends, whatever it does
_LET_GO: Final = 0.2  # seconds for what was cut off to end by itself

log = structlog.get_logger()


@dataclass(slots=True)
class Stopping:
    """The end of one process.

    Attributes:
        asked: a signal has come.
        owns_process: nothing runs after it, so the handlers and the clock stay until the interpreter has ended.
        was_cut: something did not end in its time and was cut off.
    """

    owns_process: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    was_cut: bool = False
    _signals: int = 0
    _began: float | None = None
    _clock: threading.Timer | None = None

    @contextmanager
    def listening(self) -> Generator[None]:
        """Take SIGTERM and SIGINT while the block lasts.

        Plain handlers, not the loop's: they run also while the loop is held, by a large batch or by a part that hangs.
        """
        loop = asyncio.get_running_loop()

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1
            if self._signals > 1 or loop.is_closed():
                os._exit(CUT_SHORT)
            self.begin()
            loop.call_soon_threadsafe(self.asked.set)

        before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            if not self.owns_process:
                for number, handler in before.items():
                    signal.signal(number, handler)
                if self._clock is not None:
                    self._clock.cancel()

    def begin(self) -> None:
        """Start the clock, once; a halt does it, a signal before did it already."""
        if self._began is None:
            self._began = monotonic()
            self._clock = threading.Timer(_LAST_UNTIL, _end_at_last)
            self._clock.daemon = True
            self._clock.start()

    def begin_anew(self) -> None:
        """Give what is left of a halt its full time from now; a stop that was asked for keeps its own."""
        if self._signals == 0 and self._clock is not None:
            self._clock.cancel()
            self._began = None
        self.begin()

    async def finish(self, what: str, steps: Iterable[Callable[[], Awaitable[object]]], until: float) -> None:
        """Run the steps side by side until they end or their time is over; what fails is told and stops none."""
        self.begin()
        tasks = [asyncio.ensure_future(step()) for step in steps]
        if not tasks:
            return
        left = (self._began or 0.0) + until - monotonic()
        _, late = await asyncio.wait(tasks, timeout=max(0.0, left))
        if late:
            self.was_cut = True
            log.error("stop-cut-short", what=what, after_s=until)
            for task in late:
                task.cancel()
            await asyncio.wait(late, timeout=_LET_GO)
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) and not isinstance(error, Halt):
                log.warning("stopped-with-an-error", what=what, error=place(error))


def _end_at_last() -> None:
    log.critical("stop-cut-short", what="process", after_s=_LAST_UNTIL)
    os._exit(CUT_SHORT)
