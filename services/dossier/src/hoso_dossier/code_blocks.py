"""Numbers for dossier codes, taken from the database a block at a time: never twice, gaps allowed."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from hoso_chassis.database import Database
from hoso_dossier.codes import Code, first_number, viet_nam_day

_NOW: Final = "SELECT now()"
_TAKE: Final = """
INSERT INTO code_blocks AS b (prefix, day, epoch, next) VALUES ($1, $2, $3, $4::bigint + $5::integer)
ON CONFLICT (prefix, day, epoch) DO UPDATE SET next = b.next + $5::integer
RETURNING next - $5::integer
"""


def as_it_is(now: datetime) -> datetime:
    """Read the database's clock as it stands; a test moves it."""
    return now


@dataclass(slots=True)
class CodeBlocks:
    """The numbers one process has in hand, and where it gets more.

    A block is taken in a short transaction of its own, before the one that uses its numbers opens, so that no
    connection waits for another. A number that was not used goes back in hand. What a process that dies had in hand is
    lost: gaps are allowed.
    """

    database: Database
    prefix: str
    size: int = 20
    epoch: int = 0
    read: Callable[[datetime], datetime] = as_it_is
    _in_hand: deque[Code] = field(default_factory=deque[Code], init=False)
    _taking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def take(self) -> Code:
        """Return a code that nobody else has or will have; its day must be checked where it is used."""
        while not self._in_hand:
            async with self._taking:
                if not self._in_hand:
                    self._in_hand.extend(await self._block())
        return self._in_hand.popleft()

    def give_back(self, code: Code) -> None:
        """Take an unused code back in hand; only when it is certain that it was not used."""
        self._in_hand.appendleft(code)

    def drop(self, day: date) -> None:
        """Throw away a day's numbers: the day is over, or somebody had them before."""
        self._in_hand = deque(code for code in self._in_hand if code.day != day)

    async def _block(self) -> list[Code]:
        async with self.database.transaction() as tx:
            day = viet_nam_day(self.read(await tx.connection.fetchval(_NOW)))
            first: int = await tx.connection.fetchval(
                _TAKE, self.prefix, day, self.epoch, first_number(self.epoch), self.size
            )
        return [Code(self.prefix, day, first + offset) for offset in range(self.size)]
