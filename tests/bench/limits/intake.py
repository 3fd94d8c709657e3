"""The statements of submits, one round trip each, from sixteen connections; their arguments are made before.

They are the service's own, taken from it by submitting to a connection that only notes them: the limit does the same
work whatever becomes of it.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from json import dumps
from typing import Any
from uuid import uuid4

import asyncpg
from uuid_utils.compat import uuid7

from bench.stopwatch import Stopwatch
from hoso_chassis import idempotency
from hoso_chassis.consequences import NO_CAUSE
from hoso_chassis.outbox import Announcements
from hoso_dossier import drafts, new_dossiers
from hoso_dossier.announcements import announced
from hoso_dossier.domain import Dossier
from hoso_dossier.drafts import LIFE, Draft
from hoso_dossier.values import Contact, Verification
from support.dossier_samples import answers, attachment, identity

CONNECTIONS = 16
Statements = list[tuple[str, tuple[Any, ...]]]


class Noting:
    """Takes statements for a database and keeps them; it answers as one would where nothing stands in the way."""

    def __init__(self) -> None:
        self.statements: Statements = []

    async def execute(self, statement: str, *arguments: Any) -> str:
        self.statements.append((statement, arguments))
        return "DONE"

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        self.statements.append((statement, arguments))
        return 1

    async def fetchrow(self, statement: str, *arguments: Any) -> None:
        self.statements.append((statement, arguments))

    async def fetch(self, statement: str, *arguments: Any) -> list[Any]:
        self.statements.append((statement, arguments))
        topics, subjects, counts = arguments
        return [
            {"topic": topic, "subject": subject, "sequence": count}
            for topic, subject, count in zip(topics, subjects, counts, strict=True)
        ]


async def submit(number: int, owner: str, draft_id: Any) -> Statements:
    """The statements of one submit, in their order."""
    noting: Any = Noting()
    scope = idempotency.Scope(owner, "POST", "/v1/drafts/{draft_id}/submit", str(uuid4()))
    digest = idempotency.digest({"receipts": ["x" * 600]}, str(draft_id))
    await idempotency.claim(noting, scope, digest)
    await drafts.lock(noting, draft_id, owner)
    dossier = Dossier(
        id=draft_id,
        code=f"G01.999.000.000-{datetime.now(UTC):%y%m%d}-{number}",
        procedure="1.004194",
        procedure_version=1,
        procedure_name="Đăng ký tạm trú",
        case="individual",
        agency="G01.999.901",
        owner=owner,
        channel="online",
        submitted_at=datetime.now(UTC),
        verification=Verification(uuid7()),
        attachments=(attachment(),),
        contacts=(Contact("email", "an@example.com"), Contact("sms", "+84951234567")),
    )
    facts = Announcements("/hoso/dossier", datetime.now(UTC))
    ids = [facts.add(event, NO_CAUSE) for event in announced(dossier, dossier.submit(identity()))]
    dossier.correlation_id = ids[0]
    await new_dossiers.add(noting, dossier, dumps(answers(), ensure_ascii=False))
    await idempotency.keep(noting, scope, digest, {"id": str(dossier.id), "code": dossier.code})
    await facts.flush(noting)
    return noting.statements


async def send(connection: Any, waiting: list[Statements]) -> None:
    """Send submits, each in a transaction."""
    while waiting:
        statements = waiting.pop()
        async with connection.transaction():
            for statement, arguments in statements:
                await connection.fetch(statement, *arguments)


async def main(count: int) -> None:
    """Make the drafts and the arguments, then send."""
    connections: Sequence[Any] = [await asyncpg.connect(os.environ["DOSSIER_DATABASE_URL"]) for _ in range(CONNECTIONS)]
    first = uuid4().int % 10**8 + 9 * 10**8
    waiting: list[Statements] = []
    for number in range(count):
        draft = Draft(uuid7(), "1.004194", 1, {}, 1, datetime.now(UTC), datetime.now(UTC) + LIFE, datetime.now(UTC))
        owner = f"limit-{number}"
        await drafts.add(connections[0], draft, owner)
        await connections[0].execute(
            "UPDATE drafts SET answers = $2::text::json WHERE id = $1", draft.id, dumps(answers())
        )
        waiting.append(await submit(first + number, owner, draft.id))
    watch = Stopwatch()
    watch.begin()
    await asyncio.gather(*(send(connection, waiting) for connection in connections))
    watch.end(count)
    for connection in connections:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
