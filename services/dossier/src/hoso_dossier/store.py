"""Dossiers in PostgreSQL: loaded and saved many at a time with set-based statements; decides nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import Any, Final
from uuid import UUID

from hoso_chassis.postgres import Connection
from hoso_dossier.domain import Dossier
from hoso_dossier.values import Answer, Attachment, Contact, Notification, Receipt, Status, Verification

# The children are read after the lock is had, by statements of their own: inside the locking statement they would be
# those of its snapshot, older than the row that was waited for.
_READ: Final = """
SELECT id, code, procedure, procedure_version, procedure_name, procedure_case, agency, owner, channel, submitted_at,
       due_at, moved_at, status, version, verification_id, verification_answer, verification_answered_at,
       correlation_id, email, phone
FROM dossiers WHERE id = ANY($1::uuid[]) ORDER BY id
"""
_LOAD: Final = f"{_READ} FOR UPDATE"
_ATTACHMENTS: Final = """
SELECT dossier_id, id, component, sha256, size, media_type, stored_at, verdict, verdict_at, expired_at
FROM attachments WHERE dossier_id = ANY($1::uuid[]) ORDER BY dossier_id, id
"""
_NOTIFICATIONS: Final = """
SELECT dossier_id, id, channel, occasion, template, requested_at, state, reason, settled_at
FROM notifications WHERE dossier_id = ANY($1::uuid[]) ORDER BY dossier_id, id
"""
_SAVE: Final = """
UPDATE dossiers AS d SET status = row.status, version = row.version, moved_at = row.moved_at, due_at = row.due_at,
       verification_answer = row.answer, verification_answered_at = row.answered_at
FROM unnest($1::uuid[], $2::smallint[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::text[],
            $7::timestamptz[])
     AS row (id, status, version, moved_at, due_at, answer, answered_at)
WHERE d.id = row.id
"""
_SAVE_ATTACHMENTS: Final = """
UPDATE attachments AS a
SET stored_at = row.stored_at, verdict = row.verdict, verdict_at = row.verdict_at, expired_at = row.expired_at
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     AS row (dossier_id, id, stored_at, verdict, verdict_at, expired_at)
WHERE a.dossier_id = row.dossier_id AND a.id = row.id
"""
_SAVE_NOTIFICATIONS: Final = """
INSERT INTO notifications (dossier_id, id, channel, occasion, template, requested_at, state, reason, settled_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
                     $8::text[], $9::timestamptz[])
ON CONFLICT (dossier_id, id) DO UPDATE
SET state = EXCLUDED.state, reason = EXCLUDED.reason, settled_at = EXCLUDED.settled_at
"""
_SAVE_CHANGES: Final = """
INSERT INTO status_changes (dossier_id, version, previous, status, at, actor_kind, actor_id, unit, reason, detail,
                            receipt)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::smallint[], $4::smallint[], $5::timestamptz[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
"""
_SAVE_RECEIPTS: Final = """
INSERT INTO receipts (dossier_id, number, form, issued_at, due_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[])
"""
_SAVE_ENTRIES: Final = """
INSERT INTO timeline (dossier_id, at, kind, about, told)
SELECT dossier_id, at, kind, about, told::jsonb
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[], $5::text[])
     AS row (dossier_id, at, kind, about, told)
ON CONFLICT DO NOTHING
"""


class DossierStore:
    """The dossiers of one database. One that is not there is left out: the chassis sets its record aside."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Dossier]:
        """Lock and load in id order."""
        return await self._read(connection, _LOAD, ids)

    async def read(self, connection: Connection, dossier_id: UUID) -> Dossier | None:
        """Return one dossier as it stands, to show and not to change."""
        return (await self._read(connection, _READ, [dossier_id])).get(dossier_id)

    async def _read(self, connection: Connection, statement: str, ids: Sequence[UUID]) -> dict[UUID, Dossier]:
        rows = await connection.fetch(statement, ids)
        if not rows:
            return {}
        attachments = _grouped(map(dict, await connection.fetch(_ATTACHMENTS, ids)))
        notifications = _grouped(map(dict, await connection.fetch(_NOTIFICATIONS, ids)))
        return {row["id"]: _dossier(dict(row), attachments[row["id"]], notifications[row["id"]]) for row in rows}

    async def save(self, connection: Connection, aggregates: Sequence[Dossier]) -> None:
        """Write what happened to them since they were loaded."""
        await _write(
            connection,
            _SAVE,
            (
                (d.id, d.status, d.version, d.moved_at, d.due_at, d.verification.answer, d.verification.answered_at)
                for d in aggregates
            ),
        )
        await _write(
            connection,
            _SAVE_ATTACHMENTS,
            (
                (d.id, one.id, one.stored_at, one.verdict, one.verdict_at, one.expired_at)
                for d in aggregates
                for one in d.attachments
                if one.id in d.touched
            ),
        )
        await write_history(connection, aggregates)


async def write_history(connection: Connection, aggregates: Sequence[Dossier]) -> None:
    """Write notifications, moves, receipts and lines of the timeline; a table with nothing new costs nothing."""
    await _write(connection, _SAVE_NOTIFICATIONS, _notification_rows(aggregates))
    await _write(connection, _SAVE_CHANGES, _change_rows(aggregates))
    await _write(connection, _SAVE_RECEIPTS, _receipt_rows(aggregates))
    await _write(
        connection,
        _SAVE_ENTRIES,
        ((d.id, one.at, one.kind, one.about, dumps(dict(one.told))) for d in aggregates for one in d.entries),
    )


def _notification_rows(aggregates: Iterable[Dossier]) -> Iterable[tuple[object, ...]]:
    for dossier in aggregates:
        for one in dossier.notifications:
            if one.id in dossier.touched:
                asked = (dossier.id, one.id, one.channel, one.occasion, one.template, one.requested_at)
                yield (*asked, one.state, one.reason, one.settled_at)


def _change_rows(aggregates: Iterable[Dossier]) -> Iterable[tuple[object, ...]]:
    for one in (change for dossier in aggregates for change in dossier.changes):
        moved = (one.dossier_id, one.version, one.previous, one.status, one.at)
        number = one.receipt.number if one.receipt else None
        yield (*moved, one.actor.kind, one.actor.id, one.actor.unit, one.reason, one.detail, number)


def _receipt_rows(aggregates: Iterable[Dossier]) -> Iterable[tuple[object, ...]]:
    for change in (change for dossier in aggregates for change in dossier.changes):
        if change.receipt:
            one: Receipt = change.receipt
            yield (change.dossier_id, one.number, one.form, one.issued_at, one.due_at)


async def _write(connection: Connection, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    if columns:
        await connection.execute(statement, *columns)


def _grouped(rows: Iterable[Mapping[str, Any]]) -> dict[UUID, list[Mapping[str, Any]]]:
    grouped: defaultdict[UUID, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        grouped[row["dossier_id"]].append(row)
    return grouped


def _dossier(
    row: Mapping[str, Any], attachments: Iterable[Mapping[str, Any]], notifications: Iterable[Mapping[str, Any]]
) -> Dossier:
    return Dossier(
        id=row["id"],
        code=row["code"],
        procedure=row["procedure"],
        procedure_version=row["procedure_version"],
        procedure_name=row["procedure_name"],
        case=row["procedure_case"],
        agency=row["agency"],
        owner=row["owner"],
        channel=row["channel"],
        submitted_at=row["submitted_at"],
        correlation_id=row["correlation_id"],
        verification=Verification(
            row["verification_id"], Answer(row["verification_answer"]), row["verification_answered_at"]
        ),
        attachments=tuple(Attachment(**_without_dossier(one)) for one in attachments),
        contacts=_contacts(row),
        notifications=tuple(Notification(**_without_dossier(one)) for one in notifications),
        status=Status(row["status"]),
        version=row["version"],
        moved_at=row["moved_at"],
        due_at=row["due_at"],
    )


def _contacts(row: Mapping[str, Any]) -> tuple[Contact, ...]:
    email, phone = row["email"], row["phone"]
    return (*((Contact("email", email),) if email else ()), *((Contact("sms", phone),) if phone else ()))


def _without_dossier(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "dossier_id"}
