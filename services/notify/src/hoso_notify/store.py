"""Notifications in PostgreSQL, many at a time; SQL and nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from hoso_chassis.postgres import Connection
from hoso_contracts.dossier import NotificationRequested
from hoso_notify.domain import Notification, Wanted

KEPT: Final = timedelta(days=30)  # so long the same request is answered with its outcome and not sent again
_FORGOTTEN_AT_ONCE: Final = 1000

_LOAD = """
SELECT notification_id, dossier_id, channel, template, occasion, state, reason, segments, encoding, asked_at, settled_at
FROM notifications WHERE notification_id = ANY($1::uuid[]) ORDER BY notification_id FOR UPDATE
"""
# Everything that changes changes the state too; an outcome told again writes nothing.
_SAVE = """
INSERT INTO notifications AS n (notification_id, dossier_id, channel, template, occasion, state, reason, segments,
                                encoding, asked_at, settled_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[],
                     $9::text[], $10::timestamptz[], $11::timestamptz[])
ON CONFLICT (notification_id) DO UPDATE
SET state = EXCLUDED.state, reason = EXCLUDED.reason, segments = EXCLUDED.segments, encoding = EXCLUDED.encoding,
    settled_at = EXCLUDED.settled_at, changed_at = now()
WHERE n.state <> EXCLUDED.state
"""
_LATER = """
SELECT max(asked_at) FROM notifications
WHERE dossier_id = $1 AND channel = $2 AND asked_at > $3 AND notification_id <> $4
"""
_FORGET = """
DELETE FROM notifications WHERE notification_id IN (
    SELECT notification_id FROM notifications WHERE state <> 'asked' AND changed_at < now() - $1::interval
    ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


class NotificationStore:
    """Loads and saves notifications; an id that is not there is a new one."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Notification]:
        """Lock and load in id order, with a fresh notification for each unknown id."""
        rows = {row["notification_id"]: row for row in await connection.fetch(_LOAD, list(ids))}
        return {
            key: Notification(key, Wanted(*rows[key][1:5]), *rows[key][5:]) if key in rows else Notification(key)
            for key in ids
        }

    async def save(self, connection: Connection, aggregates: Sequence[Notification]) -> None:
        """Write all of them with one statement; one that was never asked for is not written."""
        stored = [(one, one.wanted) for one in aggregates if one.wanted is not None]
        if stored:
            await connection.execute(
                _SAVE,
                [one.notification_id for one, _ in stored],
                [wanted.dossier_id for _, wanted in stored],
                [wanted.channel for _, wanted in stored],
                [wanted.template for _, wanted in stored],
                [wanted.occasion for _, wanted in stored],
                [one.state for one, _ in stored],
                [one.reason for one, _ in stored],
                [one.segments for one, _ in stored],
                [one.encoding for one, _ in stored],
                [one.asked_at for one, _ in stored],
                [one.settled_at for one, _ in stored],
            )

    async def recall(self, connection: Connection, event: NotificationRequested, aggregate: Notification) -> None:
        """Put in when a later message about the same dossier by the same channel was asked for (chassis: Recalling)."""
        place = (event.dossier_id, event.channel, event.requested_at, event.notification_id)
        aggregate.later_asked_at = await connection.fetchval(_LATER, *place)


async def forget_old(connection: Connection) -> int:
    """Delete what was settled long enough ago, a thousand a statement; return how many."""
    forgotten = 0
    while True:
        tag = await connection.execute(_FORGET, KEPT, _FORGOTTEN_AT_ONCE)
        count = int(tag.rpartition(" ")[2])
        forgotten += count
        if count < _FORGOTTEN_AT_ONCE:
            return forgotten
