"""MinIO, mail server, SMS centre and register are away, slow, throttling or wrong: the rest goes on, and all ends."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from itertools import zip_longest
from time import monotonic
from typing import Final

import pytest

from support.form import sized
from support.hits import Hit
from support.matrices import Covers
from support.misbehaviour import MISBEHAVIOURS
from support.outside_stack import OutsideStack
from support.pulse import Pulse
from support.scene import Scene, scene
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(500, 3600))]

Round = Mapping[str, str]  # how each system misbehaves, all at once
SYSTEMS: Final = ("minio", "smtp", "smpp", "population")
SPARED: Final = {"minio": "storage", "smtp": "notify", "smpp": "notify", "population": "identity"}  # by whose breaker
BAD_SECONDS: Final = sized(4.0, 15.0)  # a peer's time-out is 3 here
TOGETHER: Final = [
    {system: way for system, way in zip(SYSTEMS, ways, strict=True) if way is not None}
    for ways in zip_longest(*([way for one, way in MISBEHAVIOURS if one == system] for system in SYSTEMS))
]
ALONE: Final[list[Round]] = [{system: way} for system, way in MISBEHAVIOURS]
ROUNDS: Final = sized([{"smtp": "away"}, *TOGETHER[1:4]], [*ALONE, *TOGETHER * 3])
RECOVERY_SECONDS: Final = sized(15.0, 35.0)  # work that failed again and again waits for up to 8 s, then 30
CALM_SECONDS: Final = 120.0


async def misbehave(on: Scene, outside: OutsideStack, ways: Round) -> None:
    """All of them at once, for so long, or until the others were seen to go on where one is alone."""
    at, pulse = monotonic(), Pulse(on)
    async with AsyncExitStack() as opened:
        for system, way in ways.items():
            await opened.enter_async_context(MISBEHAVIOURS[system, way](outside))
        if len(ways) == 1:
            await pulse.others_than(*ways)
        await asyncio.sleep(max(0.0, at + BAD_SECONDS - monotonic()))
    on.hitter.hits += [Hit(system, way, "calls as they came", at, monotonic()) for system, way in ways.items()]


def breakers(outside: OutsideStack, event: str) -> Counter[str]:
    """How often the breaker to each system opened or closed by now, as the workers' logs say."""
    lines = [
        line
        for service in set(SPARED.values())
        for line in (outside.folder / "logs" / f"{service}-worker.log").read_text().splitlines()
        if f'"event":"{event}"' in line
    ]
    return Counter(json.loads(line)["target"] for line in lines)


async def all_closed(outside: OutsideStack) -> bool:
    return breakers(outside, "breaker-opened") == breakers(outside, "breaker-closed")


@pytest.mark.parametrize("rounds", [ROUNDS], ids=["outside"])
async def test_whatever_outside_systems_do_all_stories_end_well_when_they_are_well(
    outside: OutsideStack, seed: int, covers: Covers, rounds: list[Round]
) -> None:
    async with scene(outside, seed, "outside", thinking=4.0) as on:
        pulse, before = Pulse(on), breakers(outside, "breaker-opened")
        for ways in rounds:
            await misbehave(on, outside, ways)
            on.verdict.told.append(f"{dict(ways)}: all moved again after {await pulse.again()} s")
            await until_async(on.backlog.is_small, within=CALM_SECONDS)
            for system, way in ways.items():
                covers("outside, systems x mishaps", system, way)
        await until_async(partial(all_closed, outside), within=CALM_SECONDS)
        opened = breakers(outside, "breaker-opened") - before
        on.verdict.told.append(f"breakers opened and closed: {dict(opened)}")
        on.verdict.measured["longest_until_all_moved_s"] = pulse.longest_s
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
    assert opened.keys() >= {"smtp", "smpp", "population"}, "a breaker never opened"
    assert on.verdict.longest_recovery_s < RECOVERY_SECONDS
    assert pulse.longest_s < RECOVERY_SECONDS
