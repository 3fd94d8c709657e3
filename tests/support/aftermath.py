"""What databases and bucket hold when the stories are over and nothing moves any more; it reads and judges nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import asyncpg

from hoso_stack.layout import SERVICES
from support.kept import objects
from support.waiting import until_async

Rows = dict[str, list[Any]]
_BUSY: Final = "SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM work WHERE state <> 'dead')"
_LETTERS: Final = "SELECT topic, type, reason, detail FROM dead_letters"
_DEAD: Final = "SELECT kind, last_error FROM work WHERE state = 'dead'"
_DOSSIERS: Final = """
SELECT d.id, d.owner, d.code, d.status, count(r.number) AS receipts FROM dossiers d
LEFT JOIN receipts r ON r.dossier_id = d.id WHERE d.owner = ANY($1) GROUP BY d.id
"""
_DRAFTS: Final = "SELECT id, owner FROM drafts WHERE owner = ANY($1)"
_FILES: Final = "SELECT id, draft_id, subject, state, delete_after FROM attachments"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left.

    Attributes:
        dossiers: by their owner, also more than one.
        drafts: that were never submitted, by their owner.
        files: rows of storage, by the citizen who sent them.
        all_files: rows of storage, by id.
        objects: names in the bucket.
        letters: dead letters of all services.
        dead: work given up, of all services.
    """

    dossiers: Rows
    drafts: Rows
    files: Rows
    all_files: Mapping[str, Any]
    objects: frozenset[str]
    letters: list[Any]
    dead: list[Any]


async def aftermath(env: Mapping[str, str], owners: Sequence[str], within: float = 120.0) -> Aftermath:
    """Read it when no service has anything to send or to do."""
    for service in SERVICES:
        await until_async(partial(_ask, env, service, _BUSY), within=within, is_=lambda rows: not rows[0][0])
    files = await _ask(env, "storage", _FILES)
    return Aftermath(
        dossiers=_by("owner", await _ask(env, "dossier", _DOSSIERS, owners)),
        drafts=_by("owner", await _ask(env, "dossier", _DRAFTS, owners)),
        files=_by("subject", files),
        all_files={str(row["id"]): row for row in files},
        objects=objects(dict(env)),
        letters=[row for service in SERVICES for row in await _ask(env, service, _LETTERS)],
        dead=[row for service in SERVICES for row in await _ask(env, service, _DEAD)],
    )


def _by(column: str, rows: Sequence[Any]) -> Rows:
    found: Rows = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


async def _ask(env: Mapping[str, str], service: str, query: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(env[f"{service.upper()}_DATABASE_URL"])
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()
