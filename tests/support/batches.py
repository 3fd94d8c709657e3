"""Batches for the small counting service, taken where its positions stand, and what the database has then."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from hoso_chassis import positions
from hoso_chassis.batch import Batches
from hoso_chassis.database import Database
from hoso_chassis.records import Record
from support.counting import Counting, CountStore

GROUP: Final = "hoso.dossier"
FIRST: Final = ("identity.verifications.v1", 0)


async def take(database: Database, records: Sequence[Record], counting: Counting | None = None) -> Any:
    """Take a batch from where the positions stand."""
    counting = counting or Counting()
    async with database.connection() as connection:
        await positions.begin(connection, GROUP, {FIRST: 0})
        expected = await positions.load(connection, GROUP, [FIRST])
    return await Batches(database, GROUP, counting.inbound, CountStore()).take(records, expected)


async def rows(database: Database, query: str, *arguments: Any) -> list[asyncpg.Record]:
    """What the query finds."""
    async with database.connection() as connection:
        return await connection.fetch(query, *arguments)


async def position(database: Database) -> int:
    """The next offset of the first partition."""
    return (await rows(database, "SELECT next_offset FROM positions"))[0][0]


async def seen(database: Database) -> int:
    """How many events were counted."""
    return (await rows(database, "SELECT coalesce(sum(seen), 0)::int FROM counts"))[0][0]
