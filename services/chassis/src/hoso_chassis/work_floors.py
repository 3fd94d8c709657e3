"""How far back a claim must look: behind the floor no live row stands, only what was settled; it claims nothing.

While anybody holds an old snapshot open, PostgreSQL keeps the index entries of every settled row, and a look from the
beginning of the index reads all of history. So each worker remembers an instant before which nothing is due:

- `run_at` (of what runs, `lease_until`) is always written from the clock of that moment, or later, by a transaction
  that has its number by then or gets it with that very write (`clock_timestamp()`). So a row that a look does not see
  yet was written by a transaction that is still open, or numbered after the look; the oldest number still open is
  `pg_snapshot_xmin`, which readers, however old their snapshot, do not hold back.
- Each look takes a number of its own, as a fence with its instant. Once all before it have ended, whatever is not seen
  was written after that instant. The floor is that instant, less a margin, or the first live row, if that is earlier.

What stands below the floor all the same (somebody's own SQL, a clock that was set back) is found by `lift`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from hoso_chassis.claims import BEGINNING, LEASES, sides
from hoso_chassis.postgres import Connection

_EVERY: Final = 1.0  # seconds between two looks
_MARGIN: Final = timedelta(seconds=1)  # between the reading of the clock and the transaction's number
_STORED_EVERY: Final = timedelta(minutes=1)

_LOOK = """
SELECT first.side, first.due_at, statement_timestamp() AS at,
       pg_current_xact_id()::text::bigint AS fence, pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS ended
FROM (
    SELECT priority AS side, (SELECT run_at FROM work
                              WHERE kind = $1 AND priority = ready.priority AND state || '' = 'ready'
                                AND run_at >= ready.floor AND run_at <= now()
                              ORDER BY run_at LIMIT 1) AS due_at
    FROM unnest($2::smallint[], $3::timestamptz[]) AS ready (priority, floor)
    UNION ALL
    SELECT $5::smallint, (SELECT lease_until FROM work
                          WHERE kind = $1 AND state || '' = 'running' AND lease_until >= $4 AND lease_until <= now()
                          ORDER BY lease_until LIMIT 1)
) AS first
"""
_STORED = "SELECT side, due_at FROM work_floors WHERE kind = $1 AND due_at <= now()"
_STORE = """
INSERT INTO work_floors AS stored (kind, side, due_at)
SELECT $1, side, floor FROM unnest($2::smallint[], $3::timestamptz[]) AS known (side, floor)
ON CONFLICT (kind, side) DO UPDATE SET due_at = EXCLUDED.due_at
WHERE EXCLUDED.due_at > stored.due_at + $4::interval
"""
_LIFT_READY = """
UPDATE work SET run_at = clock_timestamp() FROM work_floors AS stored
WHERE work.kind = stored.kind AND work.priority = stored.side AND work.state = 'ready' AND work.run_at < stored.due_at
"""
_LIFT_RUNNING = """
UPDATE work SET lease_until = clock_timestamp() FROM work_floors AS stored
WHERE work.kind = stored.kind AND stored.side = $1 AND work.state = 'running' AND work.lease_until < stored.due_at
"""
_LIFT_FORGOTTEN = """
UPDATE work SET state = 'ready', run_at = clock_timestamp()
FROM (SELECT DISTINCT ON (key) id, state FROM work WHERE state <> 'dead' ORDER BY key, id) AS head
WHERE work.id = head.id AND head.state = 'waiting' AND work.state = 'waiting'
"""


@dataclass(slots=True)
class FloorKeeper:
    """The floors of one kind, as one worker knows them."""

    kind: str
    timer: Callable[[], float] = monotonic
    floors: dict[int, datetime] = field(default_factory=dict[int, datetime])
    _fences: deque[tuple[int, datetime]] = field(default_factory=deque[tuple[int, datetime]])
    _passed: datetime = BEGINNING
    _last: datetime = BEGINNING
    _looked: float = 0.0
    _due: float = 0.0

    async def keep(self, connection: Connection) -> None:
        """Look again, once a second at most; the connection is in no transaction."""
        if self.timer() < self._due:
            return
        if self._last == BEGINNING:
            rows = await connection.fetch(_STORED, self.kind)
            self.floors = {row["side"]: row["due_at"] for row in rows}
        await self.look(connection)
        self._due = self.timer() + _EVERY

    async def look(self, connection: Connection) -> None:
        """Move the floors as far as is sure by now."""
        rows = await connection.fetch(_LOOK, self.kind, *sides(self.floors), LEASES)
        at, fence, ended = rows[0]["at"], rows[0]["fence"], rows[0]["ended"]
        if at < self._last - _MARGIN / 2:
            self._lower(at - timedelta(seconds=self.timer() - self._looked) - _MARGIN)
        else:
            while self._fences and self._fences[0][0] <= ended:
                self._passed = self._fences.popleft()[1]
            for row in rows:
                self._raise(row["side"], row["due_at"])
        self._fences.append((fence, at))
        self._last, self._looked = at, self.timer()

    def _lower(self, earliest: datetime) -> None:
        """The clock was set back, or another server's is behind: by then nothing was written earlier than this."""
        self.floors = {side: min(floor, earliest) for side, floor in self.floors.items()}
        self._passed = min(self._passed, earliest)
        self._fences.clear()

    def _raise(self, side: int, first: datetime | None) -> None:
        sure = self._passed - _MARGIN if self._passed > BEGINNING else BEGINNING
        floor = sure if first is None else min(sure, first)
        self.floors[side] = max(self.floors.get(side, BEGINNING), floor)

    async def store(self, connection: Connection) -> None:
        """Keep the floors for whoever starts next, once a minute at most: each time leaves a dead row behind."""
        await connection.execute(_STORE, self.kind, list(self.floors), list(self.floors.values()), _STORED_EVERY)


async def lift(connection: Connection) -> None:
    """Make due what no claim would find: what stands below a floor, or waits behind nothing.

    It may read all of history and every waiting row, so it runs seldom, and in no claim.
    """
    await connection.execute(_LIFT_READY)
    await connection.execute(_LIFT_RUNNING, LEASES)
    await connection.execute(_LIFT_FORGOTTEN)
