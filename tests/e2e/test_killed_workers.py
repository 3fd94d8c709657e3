"""A worker is killed with -9 again and again while stories are in flight: nothing is lost, nothing is done twice."""

import asyncio
import time
from functools import partial

import asyncpg
import httpx
import pytest

from hoso_stack.story import Story, Tap, until
from support.stories import RunningStack
from support.verdict import Verdict, told_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

STORIES = 16
AT_ONCE = 4
KILLS = 4
PATIENCE = 150.0  # seconds: a claim that died with its worker is free again when the longest call would have ended


async def live(story: Story, turn: asyncio.Semaphore) -> None:
    async with turn:  # so that stories are at every stage when the worker dies
        await story.begin()
        await story.accept()


async def in_the_middle(connection: asyncpg.Connection) -> bool:
    """Whether a call of the service is under way, or something of it waits to be read by the relay, at this moment."""
    return await connection.fetchval(
        "SELECT EXISTS (SELECT FROM work WHERE state = 'running') OR EXISTS (SELECT FROM outbox)"
    )


async def kill_in_the_middle(stack: RunningStack, client: httpx.AsyncClient, part: str) -> float:
    """Kill and wait until it is back, a few times; returns the longest time until it was ready again, in seconds."""
    longest = 0.0
    for _ in range(KILLS):
        connection = await asyncpg.connect(stack.env()[f"{part.partition('-')[0].upper()}_DATABASE_URL"])
        try:
            await until(partial(in_the_middle, connection), "the worker is in the middle of something", PATIENCE)
        finally:
            await connection.close()
        began = time.monotonic()
        await stack.back(client, part, stack.kill(part))
        longest = max(longest, time.monotonic() - began)
    return longest


@pytest.mark.parametrize("part", ["dossier-worker", "notify-worker"])
async def test_a_worker_that_is_killed_loses_nothing_and_repeats_nothing(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap, part: str
) -> None:
    stories = [stack.story(client, PATIENCE) for _ in range(STORIES)]
    turn = asyncio.Semaphore(AT_ONCE)
    living = [asyncio.create_task(live(story, turn)) for story in stories]
    verdict = Verdict(f"kill-{part}", trials=KILLS)
    await until(lambda: _some_submitted(stories), "some stories are in flight")
    verdict.longest_recovery_s = await kill_in_the_middle(stack, client, part)
    await asyncio.gather(*living)

    async def all_ended() -> bool:
        return told_of(stories, heard) >= 4 * STORIES

    await until(all_ended, "every notification has ended", PATIENCE)
    for story in stories:
        await verdict.count(story, heard)
        assert await story.status() == 2
    result = verdict.write()
    assert (result["lost"], result["duplicated"], result["out_of_order"]) == (0, 0, 0), result
    assert result["effects_expected"] == 6 * STORIES
    assert all(one["channel"] == "sms" for one in result["unknown_outcome"])


async def _some_submitted(stories: list[Story]) -> bool:
    return sum(bool(story.code) for story in stories) >= 2
