"""Poison in the stream, every record twice and two relays of everybody: nothing halts, all good is done, and once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import pytest

from hoso_stack.layout import SERVICES
from hoso_stack.supervisor import read_status
from support.echo import Echo, echo
from support.form import sized
from support.hits import KILL
from support.matrices import Covers
from support.poison import SHARE, mixing
from support.replicas import Replicas, replicas
from support.scene import Scene, scene
from support.stories import RunningStack
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(400, 3600))]

STREAM: Final = sized(1000, 20_000)  # records in all topics, of which half are the second of their kind
ROLES: Final = ("relay", "worker")
KILLS: Final = sized(1, 24)
GO_ON_SECONDS: Final = 120.0


def restarts(stack: RunningStack) -> Counter[str]:
    """How often each part was started again by now."""
    status: dict[str, Any] = read_status(stack.folder) or {}
    return +Counter({name: part["restarts"] for name, part in status["parts"].items()})


def leaders(group: Replicas) -> int:
    """How often the replicas of a relay began to lead."""
    return sum(one.log.read_text().count('"event":"relay-leads"') for one in group.every)


async def many(repeating: Echo) -> bool:
    return repeating.seen >= STREAM


async def kill_some(on: Scene) -> list[str]:
    """Kill relays and workers of the stack in turn, each with work in hand."""
    parts = [f"{on.chance.choice(SERVICES)}-{ROLES[number % len(ROLES)]}" for number in range(KILLS)]
    for part in parts:
        await on.hitter.hit(part, KILL)
        await until_async(on.backlog.is_small, within=GO_ON_SECONDS)
    return parts


def note(covers: Covers, relays: Sequence[Replicas]) -> None:
    for group in relays:
        covers("streams, services x oddities", group.part.partition("-")[0], "two relays")
    for service in SERVICES:
        for oddity in (f"1 of {SHARE} is poison", "every record twice"):
            covers("streams, services x oddities", service, oddity)


async def test_poison_copies_and_second_relays_cost_nobody_anything(
    stack: RunningStack, seed: int, covers: Covers
) -> None:
    env = stack.env()
    async with scene(stack, seed, "streams", thinking=4.0) as on, AsyncExitStack() as opened:
        begun = restarts(stack)
        relays = await asyncio.gather(
            *(
                opened.enter_async_context(replicas(on, f"{service}-relay", named=False, so_many=1))
                for service in SERVICES
            )
        )
        repeating = await opened.enter_async_context(echo(env["KAFKA_BOOTSTRAP_SERVERS"]))
        poison = await opened.enter_async_context(mixing(env, on.log, on.chance))
        killed = await kill_some(on)
        await until_async(partial(many, repeating), within=GO_ON_SECONDS * sized(1, 10))
        await on.crowd.end()
        await until_async(poison.all_aside, within=GO_ON_SECONDS)
        await until_async(lambda: repeating.all_read(env), within=GO_ON_SECONDS)
        assert restarts(stack) - begun == Counter(killed), "somebody ended who was not killed"
        assert {one.part: len(one.running) for one in relays} == {f"{service}-relay": 1 for service in SERVICES}
        halted = [log.name for log in (stack.folder / "logs").glob("*.log") if '"event":"halted"' in log.read_text()]
        assert not halted
        on.verdict.told += [
            f"poison: {await poison.in_dead_letters()} in {dict(poison.stream)} records",
            f"{len(repeating.again)} records written twice",
            f"second relays led: { {group.part: leaders(group) for group in relays} }",
        ]
        on.verdict.measured |= {"records": repeating.seen, "poison": sum(map(len, poison.written.values()))}
        await poison.purge()
        note(covers, relays)
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
