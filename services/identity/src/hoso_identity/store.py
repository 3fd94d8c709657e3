"""Verifications in PostgreSQL, many at a time; SQL and nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from hoso_chassis.postgres import Connection
from hoso_identity.domain import Verification

KEPT: Final = timedelta(days=30)  # so long the same question gets the same answer without asking the register
_FORGOTTEN_AT_ONCE: Final = 1000

# Work of a verification has the dossier's id as its key, which is what the index of live work is on.
_LOAD = """
SELECT verification_id, dossier_id, state, verdict, asked_at, answered_at,
       EXISTS (SELECT FROM work
               WHERE key = v.dossier_id::text AND subject = v.verification_id AND work.state <> 'dead') AS in_work
FROM verifications AS v WHERE verification_id = ANY($1::uuid[]) ORDER BY verification_id FOR UPDATE OF v
"""
# Everything that changes changes the state too; a repeated verdict writes nothing.
_SAVE = """
INSERT INTO verifications AS v (verification_id, dossier_id, state, verdict, asked_at, answered_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
ON CONFLICT (verification_id) DO UPDATE
SET state = EXCLUDED.state, verdict = EXCLUDED.verdict, answered_at = EXCLUDED.answered_at, changed_at = now()
WHERE v.state <> EXCLUDED.state
"""
_FORGET = """
DELETE FROM verifications WHERE verification_id IN (
    SELECT verification_id FROM verifications WHERE state <> 'asked' AND changed_at < now() - $1::interval
    ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


class VerificationStore:
    """Loads and saves verifications; an id that is not there is a new one."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Verification]:
        """Lock and load in id order, with a fresh verification for each unknown id."""
        rows = {row["verification_id"]: row for row in await connection.fetch(_LOAD, list(ids))}
        return {key: Verification(**rows[key]) if key in rows else Verification(key) for key in ids}

    async def save(self, connection: Connection, aggregates: Sequence[Verification]) -> None:
        """Write all of them with one statement; one that was never asked is not written."""
        stored = [one for one in aggregates if one.state != "new"]
        if stored:
            await connection.execute(
                _SAVE,
                [one.verification_id for one in stored],
                [one.dossier_id for one in stored],
                [one.state for one in stored],
                [one.verdict for one in stored],
                [one.asked_at for one in stored],
                [one.answered_at for one in stored],
            )


async def forget_old(connection: Connection) -> int:
    """Delete verdicts and given-up questions that were kept long enough, a thousand a statement; return how many."""
    forgotten = 0
    while True:
        tag = await connection.execute(_FORGET, KEPT, _FORGOTTEN_AT_ONCE)
        count = int(tag.rpartition(" ")[2])
        forgotten += count
        if count < _FORGOTTEN_AT_ONCE:
            return forgotten
