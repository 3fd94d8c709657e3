"""Asks again, with the same verification id, about identities whose answer is overdue; decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import structlog

from hoso_chassis.consequences import Cause
from hoso_chassis.database import Database, Transaction
from hoso_dossier.announcements import verification_requested
from hoso_dossier.values import Identity, VerificationAsked

EVERY: Final = 30.0  # seconds between two looks
BATCH: Final = 200

# Asked at most once in a period: the row carries when it was asked last. Two watchdogs never take the same row.
_OVERDUE: Final = """
UPDATE dossiers AS d SET verification_asked_at = now()
FROM (
    SELECT id FROM dossiers
    WHERE verification_answer = 'awaited' AND status IN (1, 5) AND verification_asked_at <= now() - $1::interval
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

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Looks for overdue answers; several may look at once."""

    database: Database
    overdue_after: timedelta

    async def run(self) -> None:
        """Ask again about everything that is overdue now, a batch at a time."""
        while await self.ask_again() == BATCH:
            pass

    async def ask_again(self) -> int:
        """Ask again about one batch and return how many there were."""
        async with self.database.transaction() as tx:
            rows = await tx.connection.fetch(_OVERDUE, self.overdue_after, BATCH)
            if rows:
                await self._announce(tx, rows)
        if rows:
            log.warning("identity-answers-overdue", asked_again=len(rows))
        return len(rows)

    async def _announce(self, tx: Transaction, rows: Sequence[Any]) -> None:
        for row in rows:
            identity = Identity(row["identity_number"], row["full_name"], date.fromisoformat(row["date_of_birth"]))
            asked = VerificationAsked(row["id"], row["verification_id"], identity, row["submitted_at"])
            tx.announce(verification_requested(asked), Cause(correlation_id=row["correlation_id"]))
        await tx.connection.execute(_TELL, [row["id"] for row in rows], [row["verification_id"] for row in rows])
