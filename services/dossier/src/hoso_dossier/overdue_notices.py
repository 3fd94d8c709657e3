"""Asks notify again how notifications ended whose end is overdue, with the same ids; what is too old is given up."""

from datetime import timedelta
from typing import Final

from hoso_chassis.consequences import Cause
from hoso_chassis.database import Transaction
from hoso_dossier.announcements import announced
from hoso_dossier.store import DossierStore

GIVEN_UP: Final = timedelta(days=14)
"""Notify answers for 30 days after the end; asked later than that it would send the message once more."""

# An officer's words stand with the move that the notification tells of, which is the last one at or before it.
_OVERDUE: Final = """
UPDATE notifications AS n SET asked_at = now(), asked = n.asked + 1
FROM (
    SELECT n.dossier_id, n.id FROM notifications AS n JOIN dossiers AS d ON d.id = n.dossier_id
    WHERE n.state = 'requested' AND n.asked_at <= now() - $1::interval AND is_overdue(n.asked_at, n.asked, $1)
    ORDER BY n.asked_at LIMIT $2 FOR UPDATE OF d SKIP LOCKED
) AS overdue
WHERE n.dossier_id = overdue.dossier_id AND n.id = overdue.id
RETURNING n.dossier_id, n.id, now() AS now, n.requested_at <= now() - $3::interval AS is_given_up,
          (SELECT detail FROM status_changes AS c WHERE c.dossier_id = n.dossier_id AND c.at <= n.requested_at
           ORDER BY version DESC LIMIT 1) AS detail
"""


async def ask_again(tx: Transaction, period: timedelta, limit: int) -> int:
    """Ask about at most `limit` notifications asked for at least `period` ago; return how many there were."""
    rows = await tx.connection.fetch(_OVERDUE, period, limit, GIVEN_UP)
    store = DossierStore()
    dossiers = await store.load(tx.connection, sorted({row["dossier_id"] for row in rows})) if rows else {}
    for row in rows:
        dossier = dossiers[row["dossier_id"]]
        if row["is_given_up"]:
            dossier.settle_notification(row["id"], "unknown", row["now"])
            continue
        cause = Cause(correlation_id=dossier.correlation_id)
        for event in announced(dossier, dossier.tell_again(row["id"], row["now"], row["detail"])):
            tx.announce(event, cause)
    await store.save(tx.connection, list(dossiers.values()))
    return len(rows)
