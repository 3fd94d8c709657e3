"""A new dossier into the database, its draft out of it: one statement, since no path is hotter."""

from json import dumps
from typing import Final

from hoso_chassis.postgres import Connection
from hoso_dossier.domain import Dossier

# Nothing is written when the code is taken.
_ADD: Final = """
WITH added AS (
    INSERT INTO dossiers (id, code, procedure, procedure_version, procedure_name, procedure_case, agency, owner,
                          channel, status, version, submitted_at, moved_at, verification_id, verification_answer,
                          verification_asked_at, correlation_id, email, phone, answers)
    SELECT id, $2, procedure, procedure_version, $3, $4, $5, owner, $6, $7, $8, $9, $9, $10, 'awaited', $9,
           $11, $12, $13, $27::text::jsonb
    FROM drafts WHERE id = $1
    ON CONFLICT (code) DO NOTHING
    RETURNING id, owner, status, version, submitted_at
), gone AS (
    DELETE FROM drafts USING added WHERE drafts.id = added.id
), papers AS (
    INSERT INTO attachments (dossier_id, id, component, sha256, size, media_type)
    SELECT added.id, paper.*
    FROM added, unnest($14::uuid[], $15::text[], $16::text[], $17::bigint[], $18::text[]) AS paper
), told AS (
    INSERT INTO notifications (dossier_id, id, channel, occasion, template, requested_at, state)
    SELECT added.id, one.id, channel, $19, $20, submitted_at, 'requested'
    FROM added, unnest($21::uuid[], $22::text[]) AS one (id, channel)
), moved AS (
    INSERT INTO status_changes (dossier_id, version, status, at, actor_kind, actor_id)
    SELECT id, version, status, submitted_at, 'citizen', owner FROM added
), lines AS (
    INSERT INTO timeline (dossier_id, at, kind, about, told)
    SELECT added.id, line.at, kind, about, told::jsonb
    FROM added, unnest($23::timestamptz[], $24::text[], $25::uuid[], $26::text[]) AS line (at, kind, about, told)
)
SELECT count(*) FROM added
"""


async def add(connection: Connection, dossier: Dossier, answers: str) -> bool:
    """Insert a dossier with its answers (JSON) and delete its draft; False, and nothing done: its code is taken."""
    recipients = {contact.channel: contact.recipient for contact in dossier.contacts}
    papers, told, lines = dossier.attachments, dossier.notifications, dossier.entries
    count: int = await connection.fetchval(
        _ADD,
        dossier.id,
        dossier.code,
        dossier.procedure_name,
        dossier.case,
        dossier.agency,
        dossier.channel,
        dossier.status,
        dossier.version,
        dossier.submitted_at,
        dossier.verification.id,
        dossier.correlation_id,
        recipients.get("email"),
        recipients.get("sms"),
        [one.id for one in papers],
        [one.component for one in papers],
        [one.sha256 for one in papers],
        [one.size for one in papers],
        [one.media_type for one in papers],
        told[0].occasion if told else "",
        told[0].template if told else "",
        [one.id for one in told],
        [one.channel for one in told],
        [one.at for one in lines],
        [one.kind for one in lines],
        [one.about for one in lines],
        [dumps(dict(one.told)) for one in lines],
        answers,
    )
    return count == 1
