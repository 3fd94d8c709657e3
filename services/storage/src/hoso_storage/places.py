"""Who may have a file in memory: so many at a time, the last to come first, and nobody who lets the others wait."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf

from hoso_storage import refusals


@dataclass(frozen=True, slots=True)
class Pace:
    """What an upload must bring while somebody waits for its place.

    Attributes:
        rate: bytes a second, on average since it has its place.
        seconds: how long it has before it is looked at first, and until each next look.
    """

    rate: float
    seconds: float


@dataclass(slots=True)
class Places:
    """How many uploads may be in memory at a time: in all, and of one citizen; and how many may wait for that.

    Who comes last is next, and who waits longest is sent away when too many do: a thousand who wait do not keep out
    one who comes now.

    Attributes:
        wait_seconds: how long an upload waits for a place; nothing of it is read meanwhile.
    """

    total: int
    per_subject: int
    waiting: int
    wait_seconds: float
    pace: Pace
    _under_way: Counter[str] = field(default_factory=Counter[str])
    _queue: list[asyncio.Future[bool]] = field(default_factory=list[asyncio.Future[bool]])
    _free: int = field(init=False)

    def __post_init__(self) -> None:
        self._free = self.total

    @property
    def are_wanted(self) -> bool:
        """Whether somebody waits for one."""
        return bool(self._queue)

    @asynccontextmanager
    async def begin(self, subject: str) -> AsyncGenerator["Place"]:
        """Begin an upload; a place that it takes is given back at the end.

        Raises:
            Problem: 429 too-many-uploads.
        """
        if self._under_way[subject] >= self.per_subject:
            raise refusals.too_many_at_once()
        self._under_way[subject] += 1
        place = Place(self)
        try:
            yield place
        finally:
            if place.is_taken:
                self._give_back()
            self._under_way[subject] -= 1
            if not self._under_way[subject]:
                del self._under_way[subject]

    async def get(self) -> None:
        """Have a place; raises Problem 503 when none gets free in time, or too many wait."""
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        if len(self._queue) > self.waiting:
            self._queue.pop(0).set_result(False)
        try:
            await asyncio.wait([turn], timeout=self.wait_seconds)
        except asyncio.CancelledError:
            if self._end_wait(turn):
                self._give_back()
            raise
        if not self._end_wait(turn):
            raise refusals.too_busy()

    def _end_wait(self, turn: asyncio.Future[bool]) -> bool:
        """End the wait, if nobody has yet, and tell whether it had success."""
        if not turn.done():
            self._queue.remove(turn)
            return False
        return turn.result()

    def _give_back(self) -> None:
        if self._queue:
            self._queue.pop().set_result(True)
        else:
            self._free += 1


@dataclass(slots=True)
class Place:
    """The place of one upload: taken once the upload needs it, and kept while it brings enough or nobody waits.

    Attributes:
        since: when it was taken, on the loop's clock.
        due: when it is looked at next how much came since.
    """

    _places: Places
    is_taken: bool = False
    since: float = inf
    due: float = inf
    _came: int = 0

    async def take(self) -> None:
        """Have it from now on; raises Problem 503."""
        if not self.is_taken:
            await self._places.get()
            self.is_taken = True
            self.since, self._came = asyncio.get_running_loop().time(), 0
            self.due = self.since + self._places.pace.seconds

    def use(self, size: int) -> None:
        """Note that so many bytes came, or that time went by, and that more is to come.

        What is judged is all the time since the place was taken: a good line may pause.

        Raises:
            Problem: 408 upload-too-slow: it was less than it must be, and somebody waits.
        """
        self._came += size
        now, pace = asyncio.get_running_loop().time(), self._places.pace
        if now < self.due:
            return
        if self._places.are_wanted and self._came < pace.rate * max(now - self.since, pace.seconds):
            raise refusals.upload_too_slow()
        self.due = now + pace.seconds
