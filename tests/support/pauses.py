"""How long partitions stood still although records waited in them, and rows waited to be sent; seen from outside."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import asyncpg

from hoso_stack.layout import SERVICES
from support.record_log import Place, RecordLog

_LOOK_SECONDS: Final = 0.05
_POSITIONS: Final = "SELECT topic, partition, next_offset FROM positions"
_UNSENT: Final = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 FROM outbox"


@dataclass(slots=True)
class Pauses:
    """What stood still, while it was looked at.

    Attributes:
        longest: the longest pause between two effects in one partition with records unread, by service, in seconds.
        where: the partition of each.
        unsent: the longest that a row of an outbox had waited, by service, in seconds.
    """

    env: Mapping[str, str]
    log: RecordLog
    services: Sequence[str] = SERVICES
    longest: dict[str, float] = field(default_factory=dict[str, float])
    where: dict[str, Place] = field(default_factory=dict[str, Place])
    unsent: dict[str, float] = field(default_factory=dict[str, float])
    _since: dict[tuple[str, Place], tuple[int, float]] = field(
        default_factory=dict[tuple[str, Place], tuple[int, float]]
    )

    async def keep_looking(self, service: str) -> None:
        """Look until cancelled."""
        connection = await asyncpg.connect(self.env[f"{service.upper()}_DATABASE_URL"])
        try:
            while True:
                self._note(service, {(row[0], row[1]): row[2] for row in await connection.fetch(_POSITIONS)})
                waited = await connection.fetchval(_UNSENT)
                self.unsent[service] = max(self.unsent.get(service, 0.0), waited)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            connection.terminate()

    def _note(self, service: str, stands: Mapping[Place, int]) -> None:
        now = monotonic()
        for place, following in stands.items():
            before, since = self._since.get((service, place), (following, now))
            unread = self.log.last.get(place, -1) >= following
            if not unread or following != before:
                since = now
            self._since[service, place] = (following, since)
            if now - since > self.longest.get(service, 0.0):
                self.longest[service], self.where[service] = now - since, place

    def measured(self) -> dict[str, float]:
        """The longest of all, for the verdict's file."""
        return {
            "longest_pause_s": round(max(self.longest.values(), default=0.0), 2),
            "longest_unsent_s": round(max(self.unsent.values(), default=0.0), 2),
        }

    def __str__(self) -> str:
        """One line for people."""
        pauses = (f"{name} {seconds:.1f} s in {self.where[name]}" for name, seconds in sorted(self.longest.items()))
        unsent = (f"{name} {seconds:.1f} s" for name, seconds in sorted(self.unsent.items()))
        return f"longest pauses: {', '.join(pauses)}; longest unsent: {', '.join(unsent)}"


@asynccontextmanager
async def watched_pauses(env: Mapping[str, str], log: RecordLog) -> AsyncGenerator[Pauses]:
    """Pauses that are looked for while the block lasts."""
    pauses = Pauses(env, log)
    tasks = [asyncio.create_task(pauses.keep_looking(service)) for service in pauses.services]
    try:
        yield pauses
        for task in tasks:
            assert not task.done(), f"looking for pauses broke off: {task}"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
