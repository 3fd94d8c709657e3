"""A process as the kernel sees it: it runs, it is stopped, or it is gone; what it does stands elsewhere."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Optional

OWNER: Final[ContextVar[Optional["SimulatedProcess"]]] = ContextVar("owner", default=None)
"""The process whose code runs; None: a server, or the schedule itself."""


class Gone(BaseException):
    """The process that asks is no more; only seen while a schedule is cleared away."""


@dataclass(slots=True, eq=False)
class SimulatedProcess:
    """One life of one process.

    Attributes:
        tasks: what it is doing.
        kept: what it would have done since it was stopped or killed.
        woken_at: virtual second at which it last ran on after a stop.
    """

    name: str
    is_running: bool = True
    is_gone: bool = False
    woken_at: float = -1.0
    tasks: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])
    kept: list[asyncio.Handle] = field(default_factory=list[asyncio.Handle])
    sessions: list[Any] = field(default_factory=list[Any])

    def require_life(self) -> None:
        """Raise Gone when the process has ended."""
        if self.is_gone:
            raise Gone(self.name)


def here() -> SimulatedProcess:
    """The process that runs now."""
    owner = OWNER.get()
    assert owner is not None, "only a simulated process may do this"
    return owner
