"""How much one outside system gets at most, over all replicas of a service; data and SQL only, it makes no call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor
from typing import Final

from hoso_chassis.postgres import Connection

_LOCKS: Final = 0x686F736F  # "hoso": the first half of the advisory locks' names
# Who asks how much room there is holds this lock until its claim has committed, so that no two take the same room.
_ENTER = "SELECT pg_advisory_xact_lock($1, hashtext($2))"
# What a killed worker had claimed counts as running until its lease ends: the call may still be on its way.
_ROOM = """
SELECT (SELECT count(*) FROM work
        WHERE kind = ANY($1::text[]) AND state || '' = 'running' AND lease_until > clock_timestamp()),
       (SELECT coalesce(sum(calls), 0) FROM work_calls WHERE target = $2 AND at > clock_timestamp() - $3::interval)
"""
_COUNT = "INSERT INTO work_calls (target, at, calls) VALUES ($1, clock_timestamp(), $2)"
_FORGET = "DELETE FROM work_calls WHERE at < now() - interval '1 hour'"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a target can bear; None: no limit.

    Attributes:
        at_once: calls in flight.
        per_second: calls begun; may be below one. Of more than one a second the whole calls count: 1.5 is 1.
    """

    at_once: int | None = None
    per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The way to one target.

    Attributes:
        kinds: every kind of work that goes there.
    """

    target: str
    kinds: Sequence[str]
    limits: Limits

    @property
    def is_open(self) -> bool:
        """Whether there is no limit to look after."""
        return self.limits == Limits()

    async def enter(self, connection: Connection, wanted: int) -> int:
        """How many of `wanted` calls may be claimed in this transaction; to be its first statement."""
        await connection.execute(_ENTER, _LOCKS, self.target)
        window = self._window()
        row = await connection.fetchrow(_ROOM, list(self.kinds), self.target, timedelta(seconds=window))
        running, begun = row or (0, 0)
        room = wanted if self.limits.at_once is None else min(wanted, self.limits.at_once - running)
        if self.limits.per_second is not None:
            room = min(room, max(1, floor(self.limits.per_second * window)) - begun)  # 0.41 * (1 / 0.41) is below 1
        return max(0, room)

    async def count(self, connection: Connection, calls: int) -> None:
        """Keep that so many calls begin now, where that is limited."""
        if calls and self.limits.per_second is not None:
            await connection.execute(_COUNT, self.target, calls)

    def _window(self) -> float:
        """Seconds that the calls are counted over: one, or as many as one call may take up."""
        return max(1.0, 1.0 / (self.limits.per_second or 1.0))


async def forget_calls(connection: Connection) -> None:
    """Delete the calls that count no more."""
    await connection.execute(_FORGET)
