"""Drafts in PostgreSQL: answers as given, for 30 days, seen by nobody but their owner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from json import dumps, loads
from typing import Any, Final
from uuid import UUID

from hoso_chassis.postgres import Connection

LIFE: Final = timedelta(days=30)

_ADD: Final = """
INSERT INTO drafts (id, owner, procedure, procedure_version, answers, version, created_at, expires_at)
VALUES ($1, $2, $3, $4, '{}', 1, $5, $6)
"""
_FIND: Final = """
SELECT id, procedure, procedure_version, answers, version, created_at, expires_at, now() AS now
FROM drafts WHERE id = $1 AND owner = $2 AND expires_at > now()
"""
_LOCK: Final = f"{_FIND} FOR UPDATE"
_SAVE: Final = "UPDATE drafts SET answers = $2::text::json, version = $3 WHERE id = $1"
_DELETE_EXPIRED: Final = """
DELETE FROM drafts WHERE id IN (
    SELECT id FROM drafts WHERE expires_at <= now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as it stands.

    Attributes:
        version: moved by every change of the answers.
        now: the database's clock when it was read.
    """

    id: UUID
    procedure: str
    procedure_version: int
    answers: dict[str, Any] = field(repr=False)
    version: int
    created_at: datetime
    expires_at: datetime
    now: datetime


async def add(connection: Connection, draft: Draft, owner: str) -> None:
    """Begin a draft without answers."""
    await connection.execute(
        _ADD, draft.id, owner, draft.procedure, draft.procedure_version, draft.created_at, draft.expires_at
    )


async def find(connection: Connection, draft_id: UUID, owner: str) -> Draft | None:
    """Return somebody's own draft, unless it has expired."""
    return await _read(connection, _FIND, draft_id, owner)


async def lock(connection: Connection, draft_id: UUID, owner: str) -> Draft | None:
    """Return somebody's own draft and keep it for the transaction at hand."""
    return await _read(connection, _LOCK, draft_id, owner)


async def save(connection: Connection, draft_id: UUID, answers: Mapping[str, Any], version: int) -> None:
    """Write new answers under a new version."""
    await connection.execute(_SAVE, draft_id, dumps(answers, ensure_ascii=False), version)


async def delete_expired(connection: Connection, limit: int) -> int:
    """Delete at most so many expired drafts and return how many went."""
    return int((await connection.execute(_DELETE_EXPIRED, limit)).removeprefix("DELETE "))


async def _read(connection: Connection, statement: str, draft_id: UUID, owner: str) -> Draft | None:
    row = await connection.fetchrow(statement, draft_id, owner)
    return None if row is None else Draft(**{**row, "answers": loads(row["answers"])})
