"""A queue to try: rows enqueued as services do, a target that remembers its calls, performers side by side."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from hoso_chassis.breaker import Breaker
from hoso_chassis.claims import Wanted
from hoso_chassis.consequences import Consequence, Priority, Work
from hoso_chassis.database import Database
from hoso_chassis.performer import Performer
from hoso_chassis.target_limits import Gate
from hoso_chassis.work import GivenUp, Kind
from support.counting import Count, CountStore

LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"


class Piece(BaseModel):
    """A payload."""

    key: str
    number: int


@dataclass
class Outside:
    """The outside: remembers the calls and answers as it is told; looks that no key is called twice at a time."""

    answer: Callable[[Piece], Any] = lambda _: None
    calls: list[Piece] = field(default_factory=list[Piece])
    running: list[str] = field(default_factory=list[str])
    overlaps: list[str] = field(default_factory=list[str])
    most_at_once: int = 0
    pause: Callable[[], Awaitable[Any]] = lambda: asyncio.sleep(0)

    async def perform(self, piece: Piece) -> int:
        """The call."""
        self.calls.append(piece)
        self.overlaps += [piece.key] if piece.key in self.running else []
        self.running.append(piece.key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        try:
            await self.pause()
        finally:
            self.running.remove(piece.key)
        outcome = self.answer(piece)
        if isinstance(outcome, Exception):
            raise outcome
        return piece.number


def keep_nothing(_piece: Piece, _result: int, count: Count) -> Iterable[Consequence]:
    """Count what was done."""
    count.seen += 1
    return ()


def keep_given_up(_piece: Piece, _why: GivenUp, count: Count) -> Iterable[Consequence]:
    """Count what was given up, visibly larger."""
    count.seen += 100
    return ()


def kind(outside: Outside, **changed: Any) -> Kind[Piece, int, Count]:
    """The kind of work `call` against `outside`."""
    arguments: dict[str, Any] = {"timeout": 5, "first_delay": 0.02, "longest_delay": 0.05, **changed}
    name = arguments.pop("name", "call")
    return Kind(name, "outside", Piece, outside.perform, keep_nothing, keep_given_up, **arguments)


@asynccontextmanager
async def working(
    database: Database, *kinds: Kind[Any, Any, Count], breaker: Breaker | None = None
) -> AsyncGenerator[Sequence[Performer[Count]]]:
    """Performers of the kinds, which share one target, until the block ends; what is in flight is then finished."""
    gate = Gate("outside", sorted({one.name for one in kinds}), kinds[0].limits)
    shared = breaker or Breaker("outside", 1000, rest=0.05)
    performers = [Performer(database, one, CountStore(), shared, gate=gate) for one in kinds]
    async with AsyncExitStack() as stack:
        for performer in performers:
            stack.push_async_callback(asyncio.wait_for, asyncio.create_task(performer.run()), 20)
            stack.callback(performer.stop)
        yield performers


async def enqueue(
    database: Database, pieces: Iterable[Piece], *, name: str = "call", priority: Priority = Priority.NORMAL
) -> None:
    """Enqueue the pieces in one transaction."""
    database.max_ages.setdefault(name, timedelta(days=1))
    async with database.transaction() as tx:
        for piece in pieces:
            tx.enqueue(Work(name, piece.key, uuid4(), piece, priority))


def wanted(limit: int = 10, **changed: Any) -> Wanted:
    """A claim of the kind `call`."""
    return Wanted("call", limit, timedelta(seconds=20), resumed=limit, **changed)


def value(database: Database, query: str, *arguments: Any) -> Callable[[], Awaitable[Any]]:
    """A condition to wait for."""

    async def ask() -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(query, *arguments)

    return ask
