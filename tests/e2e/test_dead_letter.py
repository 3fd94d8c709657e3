"""A poison record and a broken table: what an operator sees and mends, and what the citizen sees after the redrive."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest

from hoso_stack.story import Tap, until
from support.counting import envelope, record, verified
from support.raw_records import Raw, writing
from support.stories import RunningStack

pytestmark = pytest.mark.stack


@dataclass(frozen=True, slots=True)
class Shell:
    """An operator in dossier's container, where nothing can be written."""

    environment: Mapping[str, str]

    async def runs(self, *arguments: str, given: str = "") -> tuple[int, str]:
        """Run one command of dossier; its status and what it says on standard output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hoso_dossier", *arguments),
            cwd="/proc",
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        out, _ = await process.communicate(given.encode())
        assert process.returncode is not None
        return process.returncode, out.decode()


def shell(stack: RunningStack) -> Shell:
    keys = str(stack.folder / "keys" / "receipts.public.json")
    return Shell({"DATABASE_URL": stack.env()["DOSSIER_DATABASE_URL"], "RECEIPT_PUBLIC_KEYS_FILE": keys})


async def test_a_record_that_could_not_be_taken_in_has_its_effect_once_the_cause_is_mended(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap
) -> None:
    operator, story = shell(stack), stack.story(client)
    database = await asyncpg.connect(stack.env()["DOSSIER_DATABASE_URL"])
    await story.fill_in()
    receipt = (await story.upload())["receipt"]
    of_this = ("--dossier", story.dossier_id)
    name = f"broken_{story.dossier_id.replace('-', '')}"
    await database.execute(  # a migration that went wrong, for this one dossier
        f"ALTER TABLE timeline ADD CONSTRAINT {name}"
        f" CHECK (kind <> 'identity-verified' OR dossier_id <> '{story.dossier_id}') NOT VALID"
    )
    try:
        await story.submit([receipt])
        await story.heard_all(heard, {"hoso.identity.verified.v1": 1})
        await poison(stack, story.dossier_id)

        count = "SELECT count(*) = 2 FROM dead_letters WHERE key = $1"
        await until(lambda: database.fetchval(count, story.dossier_id.encode()), "both letters are there")
        _, listed = await operator.runs("dead-letters", "list", *of_this)
        reasons = {line["reason"]: line["id"] for line in map(orjson.loads, listed.splitlines())}
        assert set(reasons) == {"not-writable", "wrong-shape"}
        _, told = await operator.runs("dead-letters", "explain", reasons["not-writable"])
        assert "it would fail again" in told
        status, _ = await operator.runs("dead-letters", "redrive", "-", "--by", "linh", given=listed)
        assert status == 1
    finally:
        await database.execute(f"ALTER TABLE timeline DROP CONSTRAINT {name}")
        await database.close()

    status, said = await operator.runs("dead-letters", "redrive", "-", "--by", "linh", given=listed)
    assert (status, said.splitlines()[-1].split(": ")[-1]) == (1, "1 done, 1 failed-again")
    _, left = await operator.runs("dead-letters", "list", "--reason", "wrong-shape", *of_this)
    assert [line["attempts"] for line in map(orjson.loads, left.splitlines())] == [3]
    status, said = await operator.runs("dead-letters", "purge", "-", "--by", "linh", given=left)
    assert (status, said.splitlines()[-1].split(": ")[-1]) == (0, "1 purged")

    await story.accept()  # which needs the identity to be known
    await story.told(2)


async def poison(stack: RunningStack, dossier_id: str) -> None:
    """Leave a record about the dossier that nobody can read."""
    event = verified(UUID(dossier_id))
    sent = record(envelope(event, data=b"{"), 0)
    async with writing(stack.env()["KAFKA_BOOTSTRAP_SERVERS"], event.topic, 0) as writer:
        await writer.write([Raw(sent.key, sent.value, sent.headers)])
