"""PostgreSQL is restarted, killed, cut from everybody, and out of room: nothing lost, doubled or promised falsely."""

import signal
from typing import Final

import pytest

from support.databases import Refusals, end_sessions, fill_disk, restart, watched_refusals
from support.form import sized
from support.matrices import Covers
from support.outside_stack import OutsideStack
from support.pulse import Pulse
from support.scene import Scene, scene
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(400, 1800))]

RESTART: Final = "restarted"
KILLED: Final = "killed"
CUT: Final = "sessions ended"
FULL: Final = "disk full"
MISHAPS: Final = (RESTART, KILLED, CUT, FULL)
EACH: Final = sized(1, 8)
CUT_SECONDS: Final = 3.0
FULL_SECONDS: Final = sized(5.0, 12.0)
CALM_SECONDS: Final = 60.0
RECOVERY_SECONDS: Final = 10.0


async def happens(on: Scene, mishap: str, refusals: Refusals, outside: OutsideStack) -> None:
    match mishap:
        case "restarted":
            await restart(on, signal.SIGINT)
        case "killed":
            await restart(on, signal.SIGKILL)
        case "sessions ended":
            await end_sessions(on, CUT_SECONDS)
        case _ if outside.disk is not None:
            await fill_disk(on, outside.disk, refusals, FULL_SECONDS)
        case _:
            on.verdict.told.append("no disk was full: this machine mounts no small one")


@pytest.mark.parametrize("mishaps", [MISHAPS * EACH], ids=["databases"])
async def test_whatever_happens_to_the_databases_nothing_is_lost_or_promised_falsely(
    outside: OutsideStack, seed: int, covers: Covers, mishaps: tuple[str, ...]
) -> None:
    async with scene(outside, seed, "databases", thinking=4.0) as on, watched_refusals(on) as refusals:
        pulse = Pulse(on)
        for mishap in on.chance.sample(mishaps, len(mishaps)):
            if mishap != FULL or outside.disk is not None:
                covers("outside, systems x mishaps", "postgres", mishap)
            await happens(on, mishap, refusals, outside)
            on.verdict.told.append(f"all moved again {await pulse.again()} s after: {on.hitter.hits[-1]}")
            await until_async(on.backlog.is_small, within=CALM_SECONDS)
        on.verdict.measured["longest_until_all_moved_s"] = pulse.longest_s
        on.verdict.told.append(f"refused with Retry-After: {dict(refusals.told)}")
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
    assert not refusals.mute, "a 503 did not say when to come again"
    assert on.verdict.longest_recovery_s < RECOVERY_SECONDS
    assert pulse.longest_s < RECOVERY_SECONDS
