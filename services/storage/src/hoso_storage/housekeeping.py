"""Deletes files whose time is over: object first, row last, in small batches; safe in several replicas at once."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from hoso_chassis.database import Database
from hoso_storage import store
from hoso_storage.objects import Objects, ObjectsUnavailable

BATCH: Final = 50
EVERY: Final = 300.0
_LEASE: Final = timedelta(minutes=10)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Two times: uploads that never ended, an hour; files of no dossier, 14 days after their receipt's expiry."""

    database: Database
    objects: Objects

    async def run(self) -> None:
        """Delete what is due."""
        await self.sweep()

    async def sweep(self) -> int:
        """Delete what is due and return how many; what could not be deleted comes again in ten minutes."""
        deleted = 0
        while ids := await self._expire():
            gone = [key for key, is_gone in zip(ids, await self._delete(ids), strict=True) if is_gone]
            async with self.database.connection() as connection:
                await store.forget(connection, gone)
            deleted += len(gone)
            if len(gone) < len(ids):
                log.warning("files-not-deleted", files=len(ids) - len(gone))
                break
        return deleted

    async def _expire(self) -> list[UUID]:
        now = self.database.clock()
        async with self.database.connection() as connection:
            return await store.expire(connection, now, BATCH, now + _LEASE)

    async def _delete(self, ids: list[UUID]) -> list[bool]:
        return await asyncio.gather(*(self._delete_one(key) for key in ids))

    async def _delete_one(self, key: UUID) -> bool:
        try:
            await self.objects.delete(key)
        except ObjectsUnavailable:
            return False
        return True
