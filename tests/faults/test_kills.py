"""Every process and server is killed and stopped while it has work in hand: nothing lost, doubled or disordered."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import pytest

from hoso_stack.layout import ROLES, SERVICES
from support.form import LONG, sized
from support.hits import FREEZE, KILL
from support.matrices import Covers
from support.patient import ANSWER_SECONDS
from support.scene import Scene, scene
from support.stories import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(900, 1800))]

Cell = tuple[str, str]
PROCESSES: Final = tuple(f"{service}-{role}" for service in SERVICES for role in ROLES)
SERVERS: Final = ("kafka", "postgres", "minio")
OUTSIDE: Final = ("mail", "sms", "population", "issuer")
CELLS: Final = tuple((part, how) for part in (*PROCESSES, *SERVERS, *OUTSIDE) for how in (KILL, FREEZE))
EACH: Final = sized(1, 6)  # hits on a cell
AT_ONCE: Final = sized(4, 1)  # cells that are hit beside each other
RUNS: Final = [[cell] for cell in CELLS] if LONG else [list(CELLS)]


def name_of(run: Sequence[Cell]) -> str:
    return f"{run[0][1]}-{run[0][0]}".replace(" ", "-") if len(run) == 1 else "kill-everything"


def together(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """What is hit at the same time: a server alone, since all else hangs on it, and of each part one cell."""
    waiting = list(cells)
    while waiting:
        group = [waiting.pop(0)]
        for cell in list(waiting):
            parts = {part for part, _ in group}
            if len(group) < AT_ONCE and parts.isdisjoint(SERVERS) and cell[0] not in {*parts, *SERVERS}:
                waiting.remove(cell)
                group.append(cell)
        yield group


def asleep(part: str) -> tuple[float, float]:
    """How long it is stopped: an API for longer than its clients wait, who ask again beside their first try."""
    if part in SERVERS:
        return sized((8.0, 12.0), (10.0, 20.0))
    return (ANSWER_SECONDS + 0.5, ANSWER_SECONDS + 3) if part.endswith("-api") else (0.2, 2.0)


async def hit(on: Scene, cell: Cell) -> None:
    part, how = cell
    await on.hitter.hit(part, how, on.chance.uniform(*asleep(part)))


@pytest.mark.parametrize("run", RUNS, ids=name_of)
async def test_whatever_dies_or_sleeps_nothing_is_lost_or_done_twice(
    stack: RunningStack, seed: int, covers: Covers, run: list[Cell]
) -> None:
    for part, how in run:
        covers("kills, processes x signals", part, how)
    async with scene(stack, seed, name_of(run)) as on:
        cells = run * EACH
        on.chance.shuffle(cells)
        for group in together(cells):
            await asyncio.gather(*(hit(on, cell) for cell in group))
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
