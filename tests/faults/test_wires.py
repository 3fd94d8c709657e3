"""Each wire between a role and a part delays, loses, resets and hangs in halves: nothing is lost, doubled or turned."""

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final

import pytest

from support.form import sized
from support.hits import Hit
from support.matrices import Covers
from support.outside_stack import OutsideStack
from support.pulse import Pulse
from support.scene import Scene, scene
from support.stories import RunningStack
from support.waiting import until_async
from support.wires import PAIRS, Wire, Wires

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(400, 3600))]

DELAY: Final = "delay"
LOSS: Final = "loss of every packet"
RESET: Final = "reset"
HALF: Final = "half open"
WAYS: Final = (DELAY, LOSS, RESET, HALF)
DELAY_SECONDS: Final = 0.15  # each way; a question of ten statements takes three seconds
BAD_SECONDS: Final = sized(3.5, 8.0)  # an e-mail's or an SMS's time-out is 3
BETWEEN: Final = 0.7  # from one reset to the next
RECOVERY_SECONDS: Final = 10.0
CALM_SECONDS: Final = 90.0
TURNS: Final = sized(2, len(WAYS))  # ways that a wire is bad in, other ones for other seeds
PARTS: Final = sized(2, 8)  # one after the other: with all bad at once nothing comes far enough to be hit
ROUNDS: Final = sized(1, 6)
LAZY: Final = "issuer"  # asked at the start and every ten minutes


async def go_bad(wire: Wire, how: str, seconds: float) -> None:
    """One wire is bad for so long; it runs in the wires' thread."""
    ends = monotonic() + seconds
    if how == DELAY:
        wire.delay = DELAY_SECONDS
    if how == LOSS:
        wire.hold()
    while (left := ends - monotonic()) > 0:
        if how == RESET:
            await wire.reset()
        elif how == HALF:
            wire.half_open()
        await asyncio.sleep(min(left, BETWEEN))
    wire.delay = 0.0
    wire.let_go()


def turns(wires: Sequence[Wire]) -> Iterator[list[tuple[Wire, str]]]:
    """Each wire in several ways, one after the other: so few at a time that there is traffic on them still."""
    for turn in range(TURNS):
        for part in range(PARTS):
            yield [(wire, WAYS[(place + turn) % len(WAYS)]) for place, wire in enumerate(wires[part::PARTS])]


async def spoil(on: Scene, wires: Wires, ways: Sequence[tuple[Wire, str]]) -> None:
    """Every one of these wires is bad in its way, all at once; then all are good."""
    open_before = {wire: wire.connections for wire, _ in ways}
    chosen, at = dict(ways), monotonic()
    await wires.each(chosen, lambda wire: go_bad(wire, chosen[wire], BAD_SECONDS))
    for wire, how in ways:
        on.hitter.hits.append(Hit(wire.name, how, f"{open_before[wire]} connections", at, monotonic()))


@pytest.mark.parametrize("rounds", [ROUNDS], ids=["wires"])
async def test_whatever_wires_do_nothing_is_lost_or_done_twice(
    outside: OutsideStack, seed: int, covers: Covers, rounds: int
) -> None:
    stack: RunningStack = outside
    async with scene(stack, seed, "wires", thinking=4.0) as on:
        pulse, wires = Pulse(on), list(outside.wires.of.values())
        for _ in range(rounds):
            on.chance.shuffle(wires)
            for ways in turns(wires):
                await spoil(on, outside.wires, ways)
                on.verdict.told.append(f"all moved again after {await pulse.again()} s")
                await until_async(on.backlog.is_small, within=CALM_SECONDS)
                for wire, how in ways:
                    covers("wires, pairs x ways", wire.name, how)
        on.verdict.measured["longest_until_all_moved_s"] = pulse.longest_s
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
    assert [name for name in PAIRS if name[1] != LAZY and not outside.wires.of[name].carried] == [], "not in between"
    assert on.verdict.longest_recovery_s < RECOVERY_SECONDS
    assert pulse.longest_s < RECOVERY_SECONDS
