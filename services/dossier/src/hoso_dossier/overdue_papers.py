"""Asks storage again about papers whose verdict is overdue; decides nothing."""

from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final

from hoso_chassis.consequences import Cause
from hoso_chassis.database import Transaction
from hoso_contracts.dossier import AttachmentCheckRequested, AttachmentReference

# The dossiers are locked and not only their papers: handlers lock them first, and each would else wait for the other.
_OVERDUE: Final = """
UPDATE attachments AS a SET asked_at = now(), asked = a.asked + 1
FROM (
    SELECT a.dossier_id, a.id, d.correlation_id FROM attachments AS a JOIN dossiers AS d ON d.id = a.dossier_id
    WHERE a.verdict IS NULL AND a.expired_at IS NULL AND a.asked_at <= now() - $1::interval
      AND is_overdue(a.asked_at, a.asked, $1)
    ORDER BY a.asked_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED
) AS overdue
WHERE a.dossier_id = overdue.dossier_id AND a.id = overdue.id
RETURNING a.dossier_id, a.id, a.component, a.sha256, overdue.correlation_id, now() AS now
"""
_TELL: Final = """
INSERT INTO timeline (dossier_id, at, kind, about, told)
SELECT id, now(), 'attachment-asked-again', about, jsonb_build_object('component', component)
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS row (id, about, component)
ON CONFLICT DO NOTHING
"""


async def ask_again(tx: Transaction, period: timedelta, limit: int) -> int:
    """Ask about at most `limit` papers that were asked about at least `period` ago; return how many there were."""
    rows = sorted(await tx.connection.fetch(_OVERDUE, period, limit), key=itemgetter("dossier_id", "id"))
    for dossier_id, papers in groupby(rows, key=itemgetter("dossier_id")):
        waited_for = list(papers)
        request = AttachmentCheckRequested(
            dossier_id=dossier_id,
            attachments=tuple(
                AttachmentReference(attachment_id=one["id"], component=one["component"], sha256=one["sha256"])
                for one in waited_for
            ),
            requested_at=waited_for[0]["now"],
        )
        tx.announce(request, Cause(correlation_id=waited_for[0]["correlation_id"]))
    if rows:
        await tx.connection.execute(
            _TELL, [row["dossier_id"] for row in rows], [row["id"] for row in rows], [row["component"] for row in rows]
        )
    return len(rows)
