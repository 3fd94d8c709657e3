"""Replicas come, go and are replaced under load: no batch is done in halves or twice, and no partition stands long."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import pytest

from support.form import sized
from support.pauses import watched_pauses
from support.replicas import Replicas, replicas
from support.scene import Scene, scene
from support.stories import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(900, 3600))]

PAUSE_SECONDS: Final = 5.0
EVERY_SECONDS: Final = 5.0  # a member joins or leaves
ROUNDS: Final = sized(1, 5)
COMINGS: Final = sized(4, 12)
ROLLED: Final = {"dossier-worker": False, "notify-worker": True}  # with a static name each, as a StatefulSet gives


async def come_and_go(on: Scene, group: Replicas) -> None:
    """A member joins, and leaves after a while, again and again."""
    for _ in range(COMINGS // 2):
        new = await group.one_more()
        await asyncio.sleep(EVERY_SECONDS)
        on.hitter.hits.append(await group.end_one(new))
        await asyncio.sleep(EVERY_SECONDS)


async def test_replicas_that_are_replaced_lose_and_repeat_nothing_and_pause_for_seconds(
    cluster: RunningStack, seed: int
) -> None:
    async with scene(cluster, seed, "rebalances", thinking=3.0) as on, AsyncExitStack() as opened:
        rolled = [
            await opened.enter_async_context(replicas(on, part, named=named, so_many=2))
            for part, named in ROLLED.items()
        ]
        coming = await opened.enter_async_context(replicas(on, "identity-worker", named=False, so_many=0))
        async with watched_pauses(on.stack.env(), on.log) as pauses:
            going = asyncio.create_task(come_and_go(on, coming))
            for _ in range(ROUNDS):
                await asyncio.gather(*(group.roll() for group in rolled))
            await going
        on.verdict.told.append(str(pauses))
        on.verdict.measured = pauses.measured()
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
    assert max(pauses.longest.values()) < PAUSE_SECONDS, str(pauses)
