"""Whatever was lost on its way to a dossier, an answer or the question itself, comes when it is asked for again."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import asyncpg
import httpx
import pytest

from hoso_chassis.database import Database
from hoso_dossier.watchdog import ANSWERS, Watchdog
from hoso_stack.story import Story, until
from support.kept import kept_when_still
from support.stories import RunningStack, told_about

pytestmark = pytest.mark.stack

# As if nothing had been heard, and all of it been asked for long ago.
_UNHEARD: Final = {
    "identity": "UPDATE dossiers SET verification_answer = 'awaited', verification_answered_at = NULL, "
    "verification_asked_at = now() - interval '2 hours' WHERE id = $1",
    "papers": "UPDATE attachments SET stored_at = NULL, verdict = NULL, verdict_at = NULL, "
    "asked_at = now() - interval '2 hours' WHERE dossier_id = $1",
    "notices": "UPDATE notifications SET state = 'requested', settled_at = NULL, "
    "asked_at = now() - interval '2 hours' WHERE dossier_id = $1",
}
_HEARD: Final = {
    "identity": "SELECT verification_answer = 'verified' FROM dossiers WHERE id = $1",
    "papers": "SELECT bool_and(stored_at IS NOT NULL AND verdict IS NOT NULL) FROM attachments WHERE dossier_id = $1",
    "notices": "SELECT bool_and(state = 'delivered') FROM notifications WHERE dossier_id = $1",
}
# As if the question had never been heard by those who answer it.
_UNASKED: Final = {
    "identity": ("IDENTITY_DATABASE_URL", "DELETE FROM verifications WHERE dossier_id = $1"),
    "papers": (
        "STORAGE_DATABASE_URL",
        """
        UPDATE attachments SET state = 'stored', verdict = NULL, scanned_at = NULL,
        delete_after = now() + interval '1 day' WHERE draft_id = $1
        """,
    ),
}


@asynccontextmanager
async def database(stack: RunningStack, name: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(stack.env()[name])
    try:
        yield connection
    finally:
        await connection.close()


async def ask_again(stack: RunningStack) -> None:
    """Look as the watchdogs of the worker do, which look every half minute."""
    dossiers = Database(stack.env()["DOSSIER_DATABASE_URL"], "/hoso/dossier", size=2)
    await dossiers.open()
    try:
        for answer in ANSWERS:
            await Watchdog(dossiers, answer, timedelta(hours=1)).run()
    finally:
        await dossiers.close()


async def submitted_story(stack: RunningStack, client: httpx.AsyncClient) -> Story:
    story = stack.story(client)
    await story.begin()
    await story.told(1)
    await kept_when_still(stack.env())
    return story


async def everything_is_heard(stack: RunningStack, story: Story) -> None:
    async with database(stack, "DOSSIER_DATABASE_URL") as dossiers:
        for answer, query in _HEARD.items():
            await until(partial(dossiers.fetchval, query, story.dossier_id), f"{answer} heard again")


async def forget_answers(stack: RunningStack, story: Story) -> None:
    async with database(stack, "DOSSIER_DATABASE_URL") as dossiers:
        for statement in _UNHEARD.values():
            await dossiers.execute(statement, story.dossier_id)


async def test_lost_answers_come_again_and_nobody_is_told_twice(stack: RunningStack, client: httpx.AsyncClient) -> None:
    story = await submitted_story(stack, client)
    before = told_about(stack.env(), story.code)
    await forget_answers(stack, story)
    await ask_again(stack)
    await everything_is_heard(stack, story)
    await kept_when_still(stack.env())
    assert told_about(stack.env(), story.code) == before
    await story.accept()
    await story.told(2)


async def test_lost_questions_are_heard_when_they_are_asked_again(
    stack: RunningStack, client: httpx.AsyncClient
) -> None:
    story = await submitted_story(stack, client)
    await forget_answers(stack, story)
    for name, statement in _UNASKED.values():
        async with database(stack, name) as others:
            await others.execute(statement, story.dossier_id)
    await ask_again(stack)
    await everything_is_heard(stack, story)
    await story.accept()
