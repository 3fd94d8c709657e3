"""Dossiers that wait for every answer, put into a running stack for one test and taken out of it again."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx

from hoso_population_mock.people import Person
from support.record_consumers import Subject
from support.storage_samples import content_type, form, pdf
from support.stories import RunningStack

_DOSSIER: Final = """
INSERT INTO dossiers (id, code, procedure, procedure_version, procedure_name, procedure_case, agency, owner, channel,
                      status, version, submitted_at, moved_at, verification_id, verification_answer,
                      verification_asked_at, correlation_id, answers)
VALUES ($1, $2, '1.004194', 1, 'Đăng ký tạm trú', 'individual', 'G01.999.901', 'test', 'online',
        1, 1, now(), now(), $3, 'awaited', now(), gen_random_uuid(), '{}')
"""
_PAPER: Final = """
INSERT INTO attachments (dossier_id, id, component, sha256, size, media_type)
VALUES ($1, $2, 'proof-of-dwelling', $3, 100, 'application/pdf')
"""
_NOTIFICATION: Final = """
INSERT INTO notifications (dossier_id, id, channel, occasion, template, requested_at, state)
VALUES ($1, $2, 'email', 'accepted', 'dossier-accepted', now(), 'requested')
"""
_AT_ONCE: Final = 8


@asynccontextmanager
async def waiting(
    stack: RunningStack, person: Person, number: int, *, uploaded: bool
) -> AsyncGenerator[Sequence[Subject]]:
    """So many dossiers, their papers in storage if `uploaded`; without contacts, so that nobody is told anything."""
    subjects = [Subject(person) for _ in range(number)]
    if uploaded:
        subjects = await _upload(stack, subjects)
    connection = await asyncpg.connect(stack.env()["DOSSIER_DATABASE_URL"])
    try:
        await connection.executemany(_DOSSIER, [(one.dossier_id, one.code, one.verification_id) for one in subjects])
        await connection.executemany(_PAPER, [(one.dossier_id, one.attachment_id, one.sha256) for one in subjects])
        await connection.executemany(_NOTIFICATION, [(one.dossier_id, one.notification_id) for one in subjects])
        yield subjects
    finally:
        ids = [one.dossier_id for one in subjects]
        await connection.execute("DELETE FROM dossiers WHERE id = ANY($1::uuid[])", ids)
        await connection.close()


async def _upload(stack: RunningStack, subjects: Sequence[Subject]) -> list[Subject]:
    """Send a paper for each, each from a citizen of its own."""
    turn = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(base_url=stack.env()["STORAGE_URL"], timeout=30) as client:

        async def upload(subject: Subject) -> Subject:
            async with turn:
                answer = await client.post(
                    "/v1/attachments",
                    content=form(subject.dossier_id, pdf()),
                    headers={
                        "authorization": f"Bearer {stack.token()}",
                        "content-type": content_type(),
                        "idempotency-key": uuid4().hex,
                    },
                )
            kept: dict[str, Any] = answer.raise_for_status().json()
            return replace(subject, attachment_id=UUID(kept["id"]), sha256=kept["sha256"])

        return await asyncio.gather(*map(upload, subjects))
