"""Every record of every topic comes twice: nothing happens twice."""

import asyncio
from collections import Counter

import httpx
import pytest

from hoso_stack.story import Story, Tap, until
from support.echo import echo
from support.stories import ACCEPTED, RunningStack

pytestmark = pytest.mark.stack

STORIES = 8


async def live(story: Story) -> None:
    await story.begin()
    await story.accept()
    await story.told(2)


async def test_what_is_delivered_twice_happens_once(stack: RunningStack, client: httpx.AsyncClient, heard: Tap) -> None:
    env = stack.env()
    stories = [stack.story(client) for _ in range(STORIES)]
    async with echo(env["KAFKA_BOOTSTRAP_SERVERS"]) as repeating:
        await asyncio.gather(*(live(story) for story in stories))
        await until(lambda: repeating.all_read(env), "every copy was read")

    for story in stories:
        await story.heard_all(heard, {kind: 2 * count for kind, count in ACCEPTED.items()})
        events = [event for _, event in heard.of(story.dossier_id)]
        assert set(Counter(event.id for event in events).values()) == {2}, "each record was there twice"
        assert Counter(event.type for event in {event.id: event for event in events}.values()) == ACCEPTED
        mails, texts = await story.told(2)
        assert len(mails) == len({mail["message_id"] for mail in mails}) == 2
        assert len(texts) == 2
        assert await story.status() == 2
