"""How much waits in a stack, looked at again and again: from this the time that a part's death cost is read."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import asyncpg

from hoso_stack.layout import SERVICES
from support.hits import Hit

_LOOK_SECONDS: Final = 0.5
_WAITING: Final = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM work WHERE state <> 'dead')"


@dataclass(slots=True)
class Backlog:
    """Rows that wait to be sent or done, in all services, over time; moments without an answer are left out.

    Attributes:
        calm: the most that waited while nothing was done to the stack.
    """

    env: Mapping[str, str]
    samples: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    calm: int = 0
    _kept: dict[str, asyncpg.Connection] = field(default_factory=dict[str, asyncpg.Connection])

    def is_calm(self) -> None:
        """Say that all until now was without a fault."""
        self.calm = max(count for _, count in self.samples)

    async def is_small(self) -> bool:
        """Whether no more waits now than while nothing was done to the stack."""
        return self.samples[-1][1] <= self.calm

    def recovery(self, hit: Hit) -> float:
        """Seconds from the part being ready again until no more waits than before, or until the last look."""
        ends = (at for at, count in self.samples if at >= hit.ready_at and count <= self.calm)
        return max(0.0, next(ends, self.samples[-1][0]) - hit.ready_at)

    def longest_recovery(self, hits: Sequence[Hit]) -> float:
        """The longest of them; of hits that overlap each counts until all are over."""
        return round(max((self.recovery(hit) for hit in hits), default=0.0), 2)

    async def keep_looking(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                async with asyncio.timeout(10):
                    self.samples.append((monotonic(), await self._look()))
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass  # PostgreSQL is away, which is one of the faults
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self) -> int:
        waiting = 0
        for service in SERVICES:
            kept = self._kept.get(service)
            if kept is None or kept.is_closed():
                kept = self._kept[service] = await asyncpg.connect(self.env[f"{service.upper()}_DATABASE_URL"])
            waiting += await kept.fetchval(_WAITING, timeout=5)
        return waiting

    def close(self) -> None:
        """Close the connections."""
        for connection in self._kept.values():
            connection.terminate()


@asynccontextmanager
async def watched_backlog(env: Mapping[str, str]) -> AsyncGenerator[Backlog]:
    """A backlog that is looked at while the block lasts."""
    backlog = Backlog(env)
    task = asyncio.create_task(backlog.keep_looking())
    try:
        yield backlog
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        backlog.close()
