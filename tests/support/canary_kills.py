"""Parts of the stack that die with the hunted person's data in hand: in memory, in a transaction, on the way."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx

from hoso_stack.story import Story, a_pdf
from hoso_stack.supervisor import read_status
from support.canary_walk import Walk
from support.hits import kill, pid_of, send
from support.waiting import until_async

PATH: Final = "kills"
REFUSED: Final = "refusals of the database"
_HELD_SECONDS: Final = 0.5  # in which a request cannot end, because what it needs is frozen
# What the server would tell in DETAIL and CONTEXT: a row, a value, a document; all statements have parameters.
_REFUSED: Final = (
    "UPDATE dossiers SET email = $2, verification_answer = $2 WHERE id = $1",
    "INSERT INTO dossiers SELECT * FROM dossiers WHERE id = $1 AND email <> $2 || 'x'",
    "UPDATE dossiers SET answers = ('{\"name\": ' || $2 || '}')::jsonb WHERE id = $1",
)


async def die_with_it(walk: Walk) -> None:
    """Kill each kind of part with something of the person in hand, and wait until it is back."""
    await _kill_under_uploads(walk)
    await _kill_under_submits(walk, "postgres", signal.SIGKILL)
    await _kill_under_submits(walk, "dossier-api", signal.SIGABRT)
    await _kill_kafka(walk)
    await _abort_workers(walk)


async def be_refused_by_the_database(walk: Walk, dossier_id: str) -> None:
    """What no path leads to, as far as we know: a constraint, a key and a document that PostgreSQL itself refuses."""
    connection = await asyncpg.connect(walk.stack.env()["DOSSIER_DATABASE_URL"])
    try:
        for statement in _REFUSED:
            try:
                await connection.execute(statement, dossier_id, walk.person.person.email)
            except asyncpg.PostgresError:
                walk.tried[REFUSED] = walk.tried.get(REFUSED, 0) + 1
    finally:
        await connection.close()


@asynccontextmanager
async def _frozen(walk: Walk, part: str) -> AsyncGenerator[int]:
    """A part that does nothing while the block lasts."""
    pid = pid_of(walk.stack.env(), part)
    assert pid is not None
    send(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        send(pid, signal.SIGCONT)


async def _kill(walk: Walk, part: str, how: signal.Signals) -> None:
    """End a part and wait until the supervisor has it ready again."""
    killed = pid_of(walk.stack.env(), part)
    assert killed is not None
    kill(killed, how)

    async def back() -> bool:
        status: Any = read_status(walk.stack.folder) or {"parts": {}}
        found = status["parts"].get(part, {})
        return found.get("state") == "ready" and found.get("pid") not in {None, killed}

    await until_async(back, within=90)
    walk.tried[PATH] = walk.tried.get(PATH, 0) + 1


async def _under_way(asked: Sequence[asyncio.Task[None]]) -> None:
    """Wait until they must have come to what is frozen."""
    done, _ = await asyncio.wait(asked, timeout=_HELD_SECONDS)
    assert len(done) < len(asked), "nothing was in hand"


async def _asked(walk: Walk, url: str, **options: Any) -> None:
    """Ask and keep what was answered, if anything was."""
    headers = {"authorization": f"Bearer {walk.person.token}", "idempotency-key": uuid4().hex}
    try:
        await walk.ask(PATH, "POST", url, headers, **options)
    except httpx.TransportError:
        return


async def _ready_drafts(walk: Walk, number: int) -> list[tuple[Story, str]]:
    drafts: list[tuple[Story, str]] = []
    for _ in range(number):
        story = walk.story()
        await story.fill_in(**walk.person.answers)
        drafts.append((story, (await story.upload())["receipt"]))
    return drafts


async def _kill_under_uploads(walk: Walk) -> None:
    url, person = f"{walk.stack.env()['STORAGE_URL']}/v1/attachments", walk.person
    assert walk.draft is not None
    form = {
        "draft_id": (None, walk.draft.dossier_id),
        "component": (None, "proof-of-dwelling"),
        "file": (f"{person.person.full_name}.pdf", a_pdf(1_000_000), "application/pdf"),
    }
    async with _frozen(walk, "minio"):
        asked = [asyncio.create_task(_asked(walk, url, files=form)) for _ in range(3)]
        await _under_way(asked)
        await _kill(walk, "minio", signal.SIGKILL)
    await asyncio.gather(*asked)


async def _kill_under_submits(walk: Walk, part: str, how: signal.Signals) -> None:
    """PostgreSQL is frozen, so that the submits stand in the middle."""
    base = walk.stack.env()["DOSSIER_URL"]
    drafts = await _ready_drafts(walk, 3)
    async with _frozen(walk, "postgres"):
        asked = [
            asyncio.create_task(
                _asked(walk, f"{base}/v1/drafts/{story.dossier_id}/submit", json={"receipts": [receipt]})
            )
            for story, receipt in drafts
        ]
        await _under_way(asked)
        if part == "postgres":
            await _kill(walk, part, how)
        else:
            pid = pid_of(walk.stack.env(), part)
            assert pid is not None, f"{part} has no process"  # 0 would be this process group
            os.kill(pid, how)
    if part != "postgres":  # it could not be ready before
        await asyncio.gather(*asked)
        await _serves(walk, part)
        walk.tried[PATH] += 1
    await asyncio.gather(*asked)
    await _serves(walk, "dossier-api")


async def _kill_kafka(walk: Walk) -> None:
    """With commands in the outbox that it has not taken."""
    async with _frozen(walk, "kafka"):
        await walk.submitted()
        await _kill(walk, "kafka", signal.SIGKILL)


async def _abort_workers(walk: Walk) -> None:
    """Identity's in the middle of a lookup, notify's whatever it does."""
    switches = f"{walk.stack.env()['POPULATION_URL']}/switches"
    try:
        await walk.client.put(switches, json={"hang": True})
        await walk.submitted()
        await _kill(walk, "identity-worker", signal.SIGABRT)
        await _kill(walk, "notify-worker", signal.SIGABRT)
    finally:
        await walk.client.delete(switches)


async def _serves(walk: Walk, part: str) -> None:
    """Wait until it says that it is ready."""

    async def ready() -> bool:
        try:
            url = walk.stack.env()[f"HEALTH_{part.upper().replace('-', '_')}"]
            return (await walk.client.get(f"{url}/readyz")).is_success
        except (httpx.TransportError, KeyError):
            return False

    await until_async(ready, within=90)
