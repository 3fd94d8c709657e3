"""So many acts a second and not more; it decides nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic


@dataclass(slots=True)
class Pace:
    """Lets one through every 1/`rate` seconds; what was slow itself is not made up for."""

    rate: float
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _next: float = 0.0

    async def turn(self) -> None:
        """Return when the next one may begin."""
        now = self.clock()
        if now < self._next:
            await self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.rate
