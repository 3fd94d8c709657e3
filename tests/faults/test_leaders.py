"""On three brokers whoever leads something is killed or frozen, and two of three are away: nothing lost or doubled."""

import asyncio
import signal
from functools import partial
from time import monotonic
from typing import Any, Final

import asyncpg
import pytest

from hoso_stack.layout import SERVICES, broker_names
from support.form import sized
from support.hits import FREEZE, KILL, Hit, pid_of, send
from support.leaders import BROKERS, Office, cluster_of
from support.matrices import Covers
from support.pauses import watched_pauses
from support.scene import Scene, scene
from support.stories import RunningStack
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(900, 7200))]

KINDS: Final = ("partition", "transactions", "group", "controller")
RUN: Final = sized(
    (("partition", KILL), ("transactions", FREEZE), ("controller", KILL)),
    tuple((kind, how) for _ in range(5) for kind in KINDS for how in (KILL, FREEZE)),
)
FROZEN_SECONDS: Final = (7.0, 9.0)  # a broker's session is 3, an election takes one more
AWAY_SECONDS: Final = sized(6.0, 15.0)
MOVES_SECONDS: Final = 30.0
RECOVERY_SECONDS: Final = 10.0
_WAITING: Final = "SELECT position FROM outbox ORDER BY position LIMIT 1"


async def dethrone(on: Scene, office: Office, how: str) -> str:
    """Hit who has the office, and see somebody else have it; returns the hit in words, with the proof."""
    node = await until_async(office.holder, within=MOVES_SECONDS, is_=lambda one: one is not None)
    hitting = asyncio.create_task(on.hitter.hit(f"kafka-{node}", how, on.chance.uniform(*FROZEN_SECONDS)))
    next_one = await until_async(office.holder, within=MOVES_SECONDS, is_=lambda one: one not in {None, node})
    moved_at = monotonic()
    hit = await hitting
    assert moved_at > hit.at, f"{office.name} had moved from {node} before it was hit"
    return f"{office.name}: {hit}; {moved_at - hit.at:.1f} s after the hit it is {next_one}"


async def oldest_rows(on: Scene) -> dict[str, Any]:
    """The oldest row that waits in each outbox."""
    found: dict[str, Any] = {}
    for service in SERVICES:
        connection = await asyncpg.connect(on.stack.env()[f"{service.upper()}_DATABASE_URL"])
        found[service] = await connection.fetchval(_WAITING)
        await connection.close()
    return found


async def submitted(on: Scene) -> int:
    """How many stories have their code."""
    return sum(bool(story.code) for story in on.crowd.stories)


async def two_are_away(on: Scene) -> None:
    """Freeze two of three: people submit as ever, and no row leaves its outbox until they are back."""
    away = [(part, pid_of(on.stack.env(), part)) for part in on.chance.sample(broker_names(BROKERS), 2)]
    at, before = monotonic(), None
    try:
        for _, pid in away:
            assert pid is not None
            send(pid, signal.SIGSTOP)
        before = await until_async(partial(oldest_rows, on), within=20, is_=lambda rows: rows["dossier"] is not None)
        codes = await submitted(on)
        await asyncio.sleep(AWAY_SECONDS)
        assert await submitted(on) > codes, "nobody got a code"
        after = await oldest_rows(on)
        assert after["dossier"] == before["dossier"], "a row left although two brokers could not have it"
    finally:
        for _, pid in away:
            assert pid is not None
            send(pid, signal.SIGCONT)
    names = " and ".join(part for part, _ in away)
    on.hitter.hits.append(Hit(names, FREEZE, f"oldest rows that waited: {before}", at, monotonic()))


async def test_whoever_leads_may_die_or_sleep_and_two_of_three_be_away(
    cluster: RunningStack, seed: int, covers: Covers
) -> None:
    async with scene(cluster, seed, "leaders", thinking=3.0) as on, cluster_of(cluster) as brokers:
        async with watched_pauses(cluster.env(), on.log) as pauses:
            for kind, how in RUN:
                covers("leaders, offices x signals", kind, how)
                await until_async(brokers.in_sync, within=MOVES_SECONDS * 2)
                await until_async(on.backlog.is_small, within=MOVES_SECONDS * 2)
                on.verdict.told.append(await dethrone(on, brokers.any_office(kind, on.chance), how))
        on.verdict.told.append(str(pauses))
        on.verdict.measured = pauses.measured()
        await until_async(brokers.in_sync, within=MOVES_SECONDS * 2)
        await two_are_away(on)
    assert on.verdict.holds(), (on.verdict.summary(), on.verdict.findings)
    assert on.verdict.longest_recovery_s < RECOVERY_SECONDS
