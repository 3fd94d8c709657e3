"""Numbers for dossier codes, taken from the database a block at a time: never twice, gaps allowed, restores or not."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from json import loads
from typing import Final

from hoso_chassis import incarnation
from hoso_chassis.database import Database
from hoso_chassis.postgres import Connection
from hoso_contracts.dossier import DossierSubmitted
from hoso_contracts.envelope import CloudEvent
from hoso_dossier.codes import EPOCH_NUMBERS, Code, first_number, read_code, viet_nam_day

_NOW: Final = "SELECT now()"
_EPOCH: Final = "SELECT coalesce(max(epoch), 0) FROM code_blocks WHERE prefix = $1 AND day = $2"
# A day of more than 100,000 dossiers runs on into the numbers of the next epoch.
_REACHED: Final = f"""
SELECT coalesce(max(greatest(epoch, (next - 2) / {EPOCH_NUMBERS})), 0)::integer FROM code_blocks
WHERE prefix = $1 AND day = $2
"""  # noqa: S608 - a constant
_BEGIN: Final = "INSERT INTO code_blocks (prefix, day, epoch, next) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
_TAKE: Final = """
INSERT INTO code_blocks AS b (prefix, day, epoch, next) VALUES ($1, $2, $3, $4::bigint + $5::integer)
ON CONFLICT (prefix, day, epoch) DO UPDATE SET next = b.next + $5::integer
RETURNING next - $5::integer
"""


class CodesHeld(Exception):
    """The database was put back: nobody knows which codes it has forgotten until its relay has read the log."""


def as_it_is(now: datetime) -> datetime:
    """Read the database's clock as it stands; a test moves it."""
    return now


@dataclass(slots=True)
class CodeBlocks:
    """The numbers one process has in hand, and where it gets more.

    A block is taken in a short transaction of its own, before the one that uses its numbers opens, so that no
    connection waits for another. A number that was not used goes back in hand. What a process that dies had in hand is
    lost: gaps are allowed.

    The epoch is the setting's, or the highest that the day has: a database that was put back gets a higher one, by its
    relay or by the operator, before any code is taken from it.
    """

    database: Database
    prefix: str
    size: int = 20
    epoch: int = 0
    read: Callable[[datetime], datetime] = as_it_is
    _in_hand: deque[Code] = field(default_factory=deque[Code], init=False)
    _taking: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def take(self) -> Code:
        """Return a code that nobody else has or will have; its day must be checked where it is used.

        Raises:
            CodesHeld: the database was put back, and neither its relay nor an operator has raised the epoch yet.
        """
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

    async def ping(self) -> None:
        """Raise CodesHeld while no code may be taken; for /readyz."""
        async with self.database.connection() as connection:
            await self._require_settled(connection)

    async def recall(self, connection: Connection, forgotten: Sequence[CloudEvent]) -> None:
        """Begin an epoch that none of today's codes reaches, whether it is in the log or was only told to a citizen.

        Args:
            connection: in the transaction that keeps what was read back.
            forgotten: events of the log that the database does not know; none: they have all been given before.
        """
        day = viet_nam_day(self.read(await connection.fetchval(_NOW)))
        reached: int = max(self.epoch, await connection.fetchval(_REACHED, self.prefix, day))
        codes = [code for event in forgotten if (code := _code_of(event)) is not None]
        seen = max((code.epoch for code in codes if (code.prefix, code.day) == (self.prefix, day)), default=-1)
        if not forgotten or reached <= seen:
            following = max(reached, seen) + 1
            await connection.execute(_BEGIN, self.prefix, day, following, first_number(following))

    async def _require_settled(self, connection: Connection) -> None:
        standing = await incarnation.standing(connection)
        if not standing.is_settled and self.epoch <= standing.epoch:
            raise CodesHeld
        if standing.is_settled and self.epoch > standing.epoch:
            await incarnation.keep_epoch(connection, self.epoch)

    async def _block(self) -> list[Code]:
        async with self.database.transaction() as tx:
            await self._require_settled(tx.connection)
            day = viet_nam_day(self.read(await tx.connection.fetchval(_NOW)))
            epoch: int = max(self.epoch, await tx.connection.fetchval(_EPOCH, self.prefix, day))
            first: int = await tx.connection.fetchval(_TAKE, self.prefix, day, epoch, first_number(epoch), self.size)
        return [Code(self.prefix, day, first + offset) for offset in range(self.size)]


def _code_of(event: CloudEvent) -> Code | None:
    if event.type != DossierSubmitted.type:
        return None
    try:
        return read_code(loads(event.data)["code"])
    except (ValueError, KeyError, TypeError):
        return None
