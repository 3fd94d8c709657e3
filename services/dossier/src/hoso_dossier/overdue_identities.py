"""Asks identity again, with the same verification id, about people whose answer is overdue; decides nothing."""

from datetime import date, timedelta
from typing import Final

from hoso_chassis.consequences import Cause
from hoso_chassis.database import Transaction
from hoso_dossier.announcements import verification_requested
from hoso_dossier.values import Identity, VerificationAsked

# The first comparison is what the index is for. Two watchdogs never take the same row.
_OVERDUE: Final = """
UPDATE dossiers AS d SET verification_asked_at = now(), verification_asked = d.verification_asked + 1
FROM (
    SELECT id FROM dossiers
    WHERE verification_answer = 'awaited' AND status IN (1, 5) AND verification_asked_at <= now() - $1::interval
      AND is_overdue(verification_asked_at, verification_asked, $1)
    ORDER BY verification_asked_at LIMIT $2 FOR UPDATE SKIP LOCKED
) AS overdue
WHERE d.id = overdue.id
RETURNING d.id, verification_id, submitted_at, correlation_id,
          answers ->> 'identity_number' AS identity_number, answers ->> 'full_name' AS full_name,
          answers ->> 'date_of_birth' AS date_of_birth
"""
_TELL: Final = """
INSERT INTO timeline (dossier_id, at, kind, about, told)
SELECT id, now(), 'identity-asked-again', about, '{}'
FROM unnest($1::uuid[], $2::uuid[]) AS row (id, about)
ON CONFLICT DO NOTHING
"""


async def ask_again(tx: Transaction, period: timedelta, limit: int) -> int:
    """Ask about at most `limit` identities that were asked about at least `period` ago; return how many there were."""
    rows = await tx.connection.fetch(_OVERDUE, period, limit)
    for row in rows:
        identity = Identity(row["identity_number"], row["full_name"], date.fromisoformat(row["date_of_birth"]))
        asked = VerificationAsked(row["id"], row["verification_id"], identity, row["submitted_at"])
        tx.announce(verification_requested(asked), Cause(correlation_id=row["correlation_id"]))
    if rows:
        await tx.connection.execute(_TELL, [row["id"] for row in rows], [row["verification_id"] for row in rows])
    return len(rows)
