"""Storage's SQL: attachments of drafts, many at a time for handlers, one at a time for uploads; decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from hoso_chassis.postgres import Connection
from hoso_storage.domain import RECEIVING_LIFE, UNBOUND_LIFE, Attachment, DraftFiles

_COLUMNS = "id, draft_id, component, subject, sha256, size, media_type, created_at, state, verdict, scanned_at"
_LOAD = f"SELECT {_COLUMNS} FROM attachments WHERE draft_id = ANY($1) ORDER BY draft_id, id FOR UPDATE"  # noqa: S608
_LOAD_MISSING = "SELECT draft_id, attachment_id FROM missing_attachments WHERE draft_id = ANY($1)"
_LOAD_IN_WORK = """
SELECT id FROM unnest($1::uuid[]) AS draft (id)
WHERE EXISTS (SELECT FROM work WHERE key = draft.id || ':scan' AND state <> 'dead')
"""
_SAVE = """
UPDATE attachments SET state = row.state, verdict = row.verdict, scanned_at = row.scanned_at, delete_after = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) AS row (id, state, verdict, scanned_at)
WHERE attachments.id = row.id
"""
_SAVE_MISSING = """
INSERT INTO missing_attachments (draft_id, attachment_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING
"""
_FIND = f"SELECT {_COLUMNS} FROM attachments WHERE id = $1"  # noqa: S608
_RESERVE = """
INSERT INTO attachments (id, draft_id, component, subject, sha256, size, media_type, created_at, state, delete_after,
                         upload_scope)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'receiving', $9, $10)
ON CONFLICT (upload_scope) WHERE state = 'receiving' DO NOTHING RETURNING id
"""
_TAKE_OVER = """
UPDATE attachments SET upload_scope = NULL WHERE upload_scope = $1 AND state = 'receiving' AND created_at < $2
RETURNING id
"""
_CANCEL = "DELETE FROM attachments WHERE id = $1 AND state = 'receiving'"
_RELEASE = "UPDATE attachments SET upload_scope = NULL WHERE id = $1"
_LOCK_SUBJECT = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_COUNT = """
SELECT count(*) FILTER (WHERE draft_id = $2 AND state IN ('receiving', 'stored')) AS in_draft,
       count(*) FILTER (WHERE created_at > $3) AS today
FROM attachments WHERE subject = $1
"""
_CONFIRM = """
UPDATE attachments SET state = 'stored', delete_after = $2, upload_scope = NULL
WHERE id = $1 AND state = 'receiving' RETURNING id
"""
_ABANDON = (
    "UPDATE attachments SET state = 'expired', upload_scope = NULL WHERE id = $1 AND state = 'receiving' RETURNING id"
)
# The new delete_after is a lease: another replica leaves these alone for a while.
_EXPIRE = """
UPDATE attachments SET state = 'expired', upload_scope = NULL, delete_after = $3 WHERE id IN (
    SELECT id FROM attachments WHERE delete_after <= $1 AND state IN ('receiving', 'stored', 'expired')
    ORDER BY delete_after LIMIT $2 FOR UPDATE SKIP LOCKED
) RETURNING id
"""
_FORGET = "DELETE FROM attachments WHERE id = ANY($1) AND state = 'expired'"


def _attachment(row: Any) -> Attachment:  # a row of a library without types
    return Attachment(**{**dict(row), "sha256": row["sha256"].hex()})


class AttachmentStore:
    """Loads and saves the files of drafts for handlers and recorded work."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, DraftFiles]:
        """Lock and load; a draft that sent nothing has no files, which is no error."""
        found: dict[UUID, dict[UUID, Attachment]] = {draft_id: {} for draft_id in ids}
        for row in await connection.fetch(_LOAD, ids):
            found[row["draft_id"]][row["id"]] = _attachment(row)
        missing: dict[UUID, set[UUID]] = {draft_id: set() for draft_id in ids}
        for row in await connection.fetch(_LOAD_MISSING, ids):
            missing[row["draft_id"]].add(row["attachment_id"])
        in_work = {row["id"] for row in await connection.fetch(_LOAD_IN_WORK, ids)}
        return {
            key: DraftFiles(key, MappingProxyType(found[key]), frozenset(missing[key]), in_work=key in in_work)
            for key in ids
        }

    async def save(self, connection: Connection, aggregates: Sequence[DraftFiles]) -> None:
        """Write what changed; only files of dossiers change here, and those are not deleted by age any more."""
        changed = [one for files in aggregates for one in files.changed]
        if changed:
            await connection.execute(
                _SAVE,
                [one.id for one in changed],
                [one.state for one in changed],
                [one.verdict for one in changed],
                [one.scanned_at for one in changed],
            )
        missing = [(files.draft_id, key) for files in aggregates for key in sorted(files.missing)]
        if missing:
            await connection.execute(_SAVE_MISSING, [draft for draft, _ in missing], [key for _, key in missing])


@dataclass(frozen=True, slots=True)
class Counts:
    """How many files a citizen has: in one draft and of no dossier, and sent since some instant."""

    in_draft: int
    today: int


async def find(connection: Connection, attachment_id: UUID) -> Attachment | None:
    """Return one attachment in whatever state."""
    row = await connection.fetchrow(_FIND, attachment_id)
    return None if row is None else _attachment(row)


async def reserve(connection: Connection, attachment: Attachment, scope: bytes) -> bool:
    """Insert the row of an upload, in state receiving; False while another one of the same scope is being written."""
    row = await connection.fetchval(
        _RESERVE,
        attachment.id,
        attachment.draft_id,
        attachment.component,
        attachment.subject,
        bytes.fromhex(attachment.sha256),
        attachment.size,
        attachment.media_type,
        attachment.created_at,
        attachment.created_at + RECEIVING_LIFE,
        scope,
    )
    return row is not None


async def take_over(connection: Connection, scope: bytes, begun_before: datetime) -> bool:
    """Take the scope from an upload that began before then: its process is gone."""
    return await connection.fetchval(_TAKE_OVER, scope, begun_before) is not None


async def cancel(connection: Connection, attachment_id: UUID) -> None:
    """Delete the row of an upload whose object was never written."""
    await connection.execute(_CANCEL, attachment_id)


async def release(connection: Connection, attachment_id: UUID) -> None:
    """Let a retry have the Idempotency-Key of an upload that failed, while its row stays."""
    await connection.execute(_RELEASE, attachment_id)


async def count(connection: Connection, attachment: Attachment, since: datetime) -> Counts:
    """Count the citizen's files, one request after the other, the attachment's own row included."""
    await connection.execute(_LOCK_SUBJECT, attachment.subject)
    row = await connection.fetchrow(_COUNT, attachment.subject, attachment.draft_id, since)
    return Counts(0, 0) if row is None else Counts(row["in_draft"], row["today"])


async def confirm(connection: Connection, attachment: Attachment) -> bool:
    """Say that the object is there; False when housekeeping took the upload for abandoned meanwhile."""
    return await connection.fetchval(_CONFIRM, attachment.id, attachment.created_at + UNBOUND_LIFE) is not None


async def abandon(connection: Connection, attachment_id: UUID) -> bool:
    """Mark an upload for deletion; False when it was confirmed, or is gone."""
    return await connection.fetchval(_ABANDON, attachment_id) is not None


async def expire(connection: Connection, now: datetime, limit: int, lease_until: datetime) -> list[UUID]:
    """Mark at most `limit` rows whose time is over, and return their ids; marked ones come again after the lease."""
    return [row["id"] for row in await connection.fetch(_EXPIRE, now, limit, lease_until)]


async def forget(connection: Connection, ids: Sequence[UUID]) -> None:
    """Delete marked rows whose objects are gone."""
    await connection.execute(_FORGET, ids)
