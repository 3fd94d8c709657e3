"""The hunted person's work in hand while the world outside fails: register, mail server and SMS centre."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from support.canary_walk import PATIENCE, Walk
from support.waiting import until_async

PATH: Final = "outside systems that fail"
# Each with what the mail server and the SMS centre then answer: no such address, later, no SMTP at all, closing; wrong
# destination, throttled, system error, queue full (SMPP 3.4, 5.1.3).
FAILURES: Final[tuple[tuple[Mapping[str, Any], str, int], ...]] = (
    ({"error_rate": 1.0}, "550 5.1.1 <{to}>: nobody of this name here", 0x0B),
    ({"wrong_answer_rate": 1.0}, "451 4.7.1 <{to}>: try again later", 0x58),
    ({"throttle_per_second": 0.001}, "{to} is not SMTP", 0x08),
    ({"outage": True}, "421 4.3.2 <{to}>: closing", 0x14),
    ({"hang": True}, "554 5.7.1 <{to}>: refused by policy", 0x0B),
)
_TRIED: Final = "SELECT max(attempts) FROM work WHERE key LIKE $1 || '%'"


async def fail_around(walk: Walk) -> None:
    """Let a dossier of the person meet each failure, then put everything right again."""
    env = walk.stack.env()
    switches = f"{env['POPULATION_URL']}/switches"
    inboxes = (env["MAIL_INBOX_URL"], env["SMS_INBOX_URL"])
    identity = await asyncpg.connect(env["IDENTITY_DATABASE_URL"])
    try:
        for register, mail, sms in FAILURES:
            (await walk.client.put(switches, json=register)).raise_for_status()
            if "throttle_per_second" in register:  # the one lookup that is still free
                lookup = {"identity_number": walk.person.person.identity_number}
                await walk.client.post(f"{env['POPULATION_URL']}/people/lookup", json=lookup)
            for inbox, answer in zip(inboxes, (mail, str(sms)), strict=True):
                (await walk.client.put(inbox, json=[answer])).raise_for_status()
            story = await walk.submitted()
            await until_async(lambda about=story.dossier_id: identity.fetchval(_TRIED, about), within=PATIENCE)
            await until_async(lambda: _all_given(walk, inboxes), within=PATIENCE)
            walk.tried[PATH] = walk.tried.get(PATH, 0) + 1
    finally:
        await identity.close()
        await asyncio.gather(walk.client.delete(switches), *(walk.client.put(inbox, json=[]) for inbox in inboxes))


async def _all_given(walk: Walk, inboxes: tuple[str, str]) -> bool:
    """Whether the peers have given the answers they were told to."""
    waiting = [(await walk.client.get(f"{inbox}/answers")).json() for inbox in inboxes]
    return waiting == [[], []]
