"""Deletes what has had its time: drafts 30 days after they were begun, a small batch at a time."""

from dataclasses import dataclass
from typing import Final

from hoso_chassis.database import Database
from hoso_dossier import drafts

EVERY: Final = 600.0  # seconds
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Safe to run in several replicas at once."""

    database: Database

    async def run(self) -> None:
        """Delete every expired draft; each batch is a transaction of its own."""
        while await self._batch() == BATCH:
            pass

    async def _batch(self) -> int:
        async with self.database.connection() as connection:
            return await drafts.delete_expired(connection, BATCH)
