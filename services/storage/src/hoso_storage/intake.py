"""Keeps an upload: row first, then the object, then both confirmed with the answer; or nothing, whatever fails."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from uuid_utils.compat import uuid7

from hoso_chassis import idempotency
from hoso_chassis.database import Database
from hoso_chassis.idempotency import Scope
from hoso_chassis.postgres import AWAY, Connection
from hoso_storage import refusals, store
from hoso_storage.domain import Attachment
from hoso_storage.objects import NeverStored, Objects, ObjectsUnavailable, PerhapsStored
from hoso_storage.receipts import Receipted
from hoso_storage.uploads import TypedUpload

DAY: Final = timedelta(days=1)
GONE_AFTER: Final = timedelta(seconds=60)
"""No `put` takes that long: an upload that began before is of a process that is gone, and a retry may have its key."""

_FACTS: Final = TypeAdapter(Receipted)  # what an answer is made of again, whatever becomes of the file


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files a citizen may have in one draft, and send in 24 hours."""

    in_draft: int
    a_day: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Keeps uploads with the parts at hand."""

    database: Database
    objects: Objects
    limits: Limits

    async def keep(self, upload: TypedUpload, subject: str, scope: Scope) -> Receipted:
        """Keep the file in quarantine and return what its receipt says; the same key with the same file: the same.

        Raises:
            Problem: 409 and 422 for the Idempotency-Key, 429 beyond the limits, 503 when the object store is away.
        """
        form = upload.form
        digest = idempotency.digest(b"", str(form.draft_id), form.component, form.sha256)
        attachment = Attachment(
            id=uuid7(),
            draft_id=form.draft_id,
            component=form.component,
            subject=subject,
            sha256=form.sha256,
            size=len(form.content),
            media_type=upload.media_type,
            created_at=self.database.clock(),
        )
        if earlier := await self._reserve(attachment, scope, digest):
            return earlier
        await self._put(attachment, form.content)
        try:
            kept = await self._confirm(attachment, scope, digest)
        except Exception:
            await self._undo(attachment.id)
            raise
        if kept.attachment_id != attachment.id:
            await self._undo(attachment.id)
        return kept

    async def _reserve(self, attachment: Attachment, scope: Scope, digest: bytes) -> Receipted | None:
        """Commit the row before there is an object; or return what was kept for this key."""
        async with self.database.transaction() as tx:
            if not await store.reserve(tx.connection, attachment, scope.hash):
                if not await store.take_over(tx.connection, scope.hash, attachment.created_at - GONE_AFTER):
                    raise idempotency.in_flight()
                if not await store.reserve(tx.connection, attachment, scope.hash):
                    raise idempotency.in_flight()
            facts = await idempotency.claim(tx.connection, scope, digest)
            if facts is not None:
                await store.cancel(tx.connection, attachment.id)
                return _FACTS.validate_python(facts)
            await self._check_limits(tx.connection, attachment)
        return None

    async def _check_limits(self, connection: Connection, attachment: Attachment) -> None:
        counts = await store.count(connection, attachment, attachment.created_at - DAY)
        if counts.in_draft > self.limits.in_draft:
            raise refusals.too_many_in_draft()
        if counts.today > self.limits.a_day:
            raise refusals.too_many_today()

    async def _put(self, attachment: Attachment, content: bytes) -> None:
        try:
            await self.objects.put(attachment.id, content, attachment.media_type)
        except NeverStored:
            await self._after(store.cancel, attachment.id)
            raise refusals.objects_unavailable() from None
        except PerhapsStored:  # it may still come to be there: the row stays for housekeeping, which deletes both later
            await self._after(store.release, attachment.id)
            raise refusals.objects_unavailable() from None

    async def _after(self, step: Callable[[Connection, UUID], Awaitable[None]], attachment_id: UUID) -> None:
        with suppress(*AWAY):
            async with self.database.connection() as connection:
                await step(connection, attachment_id)

    async def _confirm(self, attachment: Attachment, scope: Scope, digest: bytes) -> Receipted:
        """Commit row and answer together; another upload with this key may have been faster: then its answer."""
        async with self.database.transaction() as tx:
            facts = await idempotency.claim(tx.connection, scope, digest)
            if facts is not None:
                return _FACTS.validate_python(facts)
            if not await store.confirm(tx.connection, attachment):
                raise refusals.objects_unavailable()
            kept = Receipted.of(attachment)
            await idempotency.keep(tx.connection, scope, digest, _FACTS.dump_python(kept, mode="json"))
        return kept

    async def _undo(self, attachment_id: UUID) -> None:
        """Remove object and row, unless the commit went through after all; what fails here is left to housekeeping."""
        with suppress(*AWAY, ObjectsUnavailable):
            async with self.database.connection() as connection:
                if not await store.abandon(connection, attachment_id):
                    return
            await self.objects.delete(attachment_id)
            async with self.database.connection() as connection:
                await store.forget(connection, [attachment_id])
