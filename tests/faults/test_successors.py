"""A process sleeps until another has taken its place, and wakes up: it neither sends twice nor writes over."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

import pytest

from hoso_stack.layout import SERVICES
from support.form import sized
from support.hits import FREEZE
from support.matrices import Covers
from support.scene import Scene, scene
from support.standby import Standby, standby
from support.stories import RunningStack
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(600, 1800))]

RELAYS: Final = tuple(f"{service}-relay" for service in SERVICES)
WORKERS: Final = tuple(f"{service}-worker" for service in SERVICES)
RUNS: Final = sized({"everybody": (*RELAYS, *WORKERS)}, {"relays": RELAYS, "workers": WORKERS})
LEASE_SECONDS: Final = 9.0  # a relay's lease is 5
SESSION_SECONDS: Final = 26.0  # a member of a group is missed after 6, the claim of an e-mail ends after 22


async def sleeps(on: Scene, second: Standby) -> None:
    """Stop the first until the second does its work, and longer."""
    sign, seconds = ("relay-leads", LEASE_SECONDS) if second.part in RELAYS else ("reading", SESSION_SECONDS)
    before = await second.said(sign)
    sleeping = asyncio.create_task(on.hitter.hit(second.part, FREEZE, seconds))
    await until_async(partial(second.said, sign), within=90, is_=lambda times: times > before)
    await sleeping


@pytest.mark.parametrize("run", RUNS)
async def test_who_wakes_up_beside_a_successor_does_no_harm(
    stack: RunningStack, seed: int, covers: Covers, run: str
) -> None:
    parts = RUNS[run]
    for part in parts:
        covers("kills, processes x signals", part, "sleep until another leads")
    async with AsyncExitStack() as opened, scene(stack, seed, f"sleep-{run}") as on:
        seconds_in_line = [await opened.enter_async_context(standby(stack, part)) for part in parts]
        for _ in range(sized(1, 6)):
            await asyncio.gather(*(sleeps(on, one) for one in seconds_in_line))
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
