"""One run of faults: fifty stories in flight, somebody who hits parts meanwhile, and the verdict over all of it."""

import logging
import random
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count

from hoso_population_mock.people import subject_of as subject_of_person
from hoso_stack import tokens
from hoso_stack.story import subject_of
from support.aftermath import aftermath
from support.backlog import Backlog, watched_backlog
from support.crowd import AT_ONCE, Crowd, Persistent, crowd_of
from support.hands import Hands
from support.hits import Hitter
from support.inboxes import Inboxes, watched_inboxes
from support.patient import Patient, patient_client
from support.record_log import RecordLog, record_log
from support.stories import RunningStack
from support.verdict import Verdict
from support.waiting import until_async

told = logging.getLogger(__name__)
PATIENCE = 200.0  # seconds: a scan that died with its worker is free again after 70, an upload's key after 60
CHANNELS = {"mail": "email", "sms": "sms"}


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is on it."""

    stack: RunningStack
    seed: int
    chance: random.Random
    clients: Patient
    log: RecordLog
    inboxes: Inboxes
    backlog: Backlog
    crowd: Crowd
    hitter: Hitter
    verdict: Verdict

    async def settle_in(self) -> None:
        """Let it run for a while without a fault, so that what is usual is known and stories are at every stage."""
        await until_async(self._is_busy, within=60)
        self.backlog.is_calm()

    async def _is_busy(self) -> bool:
        assert not self.crowd.broken, self.crowd.broken
        done = sum(self.log.settled(story.dossier_id) > 0 for story in self.crowd.stories)
        return self.crowd.in_flight == AT_ONCE and done >= AT_ONCE // 2

    async def count(self) -> None:
        """Let the last stories end, and count into the verdict."""
        verdict, hits = self.verdict, self.hitter.hits
        await self.crowd.end()
        verdict.findings += [f"broke off: {why}" for why in self.crowd.broken]
        left = await aftermath(self.stack.env(), [subject_of(story.token) for story in self.crowd.stories])
        await self.inboxes.look()
        for hit in hits:
            if hit.died_at is not None and hit.part in CHANNELS:
                self.inboxes.died(CHANNELS[hit.part], hit.died_at)
        for story in self.crowd.stories:
            verdict.count(story, self.log, self.inboxes, left)
        verdict.count_whole(self.crowd.stories, left)
        verdict.findings += [f"client failed: {failure}" for failure in self.clients.failed]
        verdict.longest_recovery_s = self.backlog.longest_recovery(hits)


@asynccontextmanager
async def scene(stack: RunningStack, seed: int, name: str, *, thinking: float = 6.0) -> AsyncGenerator[Scene]:
    """A scene with its stories in flight; when the block ends, they live to their end and the verdict is counted.

    What is known is written to out/faults in any case; when the block fails, the stories are cut off.
    """
    told.warning("HOSO_FAULTS_SEED=%s hits at the same moments again", seed)  # shown when the test fails
    chance = random.Random(seed)  # noqa: S311 - to hit anywhere, and there again
    client, clients = patient_client(PATIENCE)
    env = stack.env()
    people = count(random.SystemRandom().randrange(1_000_000, 90_000_000))  # nobody who has dossiers already

    def citizen() -> Persistent:
        token = tokens.mint(stack.folder / "keys", subject_of_person(next(people)), "citizen")
        return Persistent(env, client, token, PATIENCE)

    async with AsyncExitStack() as opened:
        await opened.enter_async_context(client)
        log = await opened.enter_async_context(record_log(env["KAFKA_BOOTSTRAP_SERVERS"]))
        inboxes = await opened.enter_async_context(watched_inboxes(env))
        backlog = await opened.enter_async_context(watched_backlog(env))
        crowd = await opened.enter_async_context(crowd_of(Crowd(citizen, log, random.Random(seed + 1), thinking)))  # noqa: S311
        hands = Hands(env, clients, log)
        opened.push_async_callback(hands.close)
        hitter = Hitter(stack, hands, chance)
        made = Scene(stack, seed, chance, clients, log, inboxes, backlog, crowd, hitter, Verdict(name))
        with made.verdict.written(hitter.hits, seed):
            await made.settle_in()
            yield made
            await made.count()
