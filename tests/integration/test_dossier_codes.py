"""Dossier codes are unique whoever takes them, however many at once, past 9999, over midnight and after a restore."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID

import pytest

from hoso_dossier.codes import VIET_NAM, is_code
from support.dossier_samples import answers, receipt
from support.dossier_service import Service, running

NOON = datetime.now(VIET_NAM).replace(hour=12, minute=0, second=0)
PREFIX = "G01.999.000.000"
_TAKE = """
import asyncio, sys
from hoso_chassis.database import Database
from hoso_dossier.code_blocks import CodeBlocks

async def main():
    database = Database(sys.argv[1], "/hoso/dossier")
    await database.open()
    codes = CodeBlocks(database, sys.argv[2], 7)
    print("ready", flush=True)
    sys.stdin.readline()
    taken = await asyncio.gather(*(codes.take() for _ in range(200)))
    print(*taken, sep="\\n")
    await database.close()

asyncio.run(main())
"""


@asynccontextmanager
async def at_noon(database_url: str, folder: Path, **settings: Any) -> AsyncGenerator[Service]:
    """A process for which it is noon in Viet Nam, so that no midnight comes between."""
    async with running(database_url, folder, **settings) as service:
        service.clock.ahead = NOON - datetime.now(UTC)
        yield service


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with at_noon(database_url, tmp_path) as service:
        yield service


def day(later: timedelta = timedelta()) -> str:
    return f"{NOON + later:%y%m%d}"


def long_lived(draft_id: UUID) -> str:
    """A receipt that is still good at noon, whatever the hour is now."""
    return receipt(draft_id, exp=int(time()) + 172_800)


async def code_of(dossier: Service, draft_id: UUID | None = None) -> str:
    """Submit a draft and return the code."""
    draft_id = draft_id or await dossier.draft()
    answer = await dossier.submit(draft_id, [long_lived(draft_id)])
    assert answer.status_code == 201, answer.text
    return answer.json()["code"]


async def test_many_submissions_through_several_processes_have_codes_of_their_own(
    database_url: str, tmp_path: Path
) -> None:
    async with AsyncExitStack() as opened:
        services = [
            await opened.enter_async_context(at_noon(database_url, tmp_path, code_block_size=3)) for _ in range(4)
        ]
        drafts = [(service, await service.draft()) for service in services for _ in range(25)]
        codes = await asyncio.gather(*(code_of(service, draft_id) for service, draft_id in drafts))
        kept = await services[0].rows("SELECT code FROM dossiers")
    assert len(set(codes)) == 100
    assert {row["code"] for row in kept} == set(codes)
    assert all(is_code(code) for code in codes)


async def test_processes_of_the_operating_system_take_codes_of_their_own(dossier: Service) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _TAKE, dossier.database.url, PREFIX),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
    outputs = await asyncio.wait_for(asyncio.gather(*(process.communicate(b"\n") for process in processes)), 60)
    codes = [line for out, _ in outputs for line in out.decode().split()]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(codes) == 600
    assert len(set(codes)) == 600


async def test_the_ten_thousandth_dossier_of_a_day_has_a_longer_code(dossier: Service, tmp_path: Path) -> None:
    await code_of(dossier)
    await dossier.execute("UPDATE code_blocks SET next = 9999")
    async with at_noon(dossier.database.url, tmp_path, code_block_size=1) as other:
        codes = [await code_of(other) for _ in range(3)]
    assert codes == [f"{PREFIX}-{day()}-{number}" for number in (9999, 10000, 10001)]
    announced = [data["code"] for kind, data in await dossier.announced() if kind == "dossier.submitted"]
    assert announced[1:] == codes
    assert all(is_code(code) for code in codes)


async def test_numbers_in_hand_are_not_used_on_another_day(dossier: Service) -> None:
    first = await code_of(dossier)
    following = await dossier.draft(answers())
    dossier.clock.ahead += timedelta(days=1)
    second = await code_of(dossier, following)
    dossier.clock.ahead -= timedelta(days=1)
    third = await code_of(dossier)
    assert (first, second) == (f"{PREFIX}-{day()}-0001", f"{PREFIX}-{day(timedelta(days=1))}-0001")
    assert third == f"{PREFIX}-{day()}-0021"  # the rest of the first block went with its day


async def test_a_database_that_was_restored_issues_no_code_again(dossier: Service, tmp_path: Path) -> None:
    codes = [await code_of(dossier) for _ in range(3)]
    await dossier.execute("UPDATE code_blocks SET next = 1")
    async with at_noon(dossier.database.url, tmp_path, code_block_size=1) as restored:
        codes.append(await code_of(restored))
    assert [code[-4:] for code in codes] == ["0001", "0002", "0003", "0004"]


async def test_a_number_that_somebody_has_leaves_nothing_behind_when_no_other_is_to_be_had(
    dossier: Service, tmp_path: Path
) -> None:
    for _ in range(6):
        await code_of(dossier)
    await dossier.execute("UPDATE code_blocks SET next = 1")
    async with at_noon(dossier.database.url, tmp_path, code_block_size=1) as restored:
        draft_id = await restored.draft()
        before = await restored.counts()
        answer = await restored.submit(draft_id, [long_lived(draft_id)])
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
        assert await restored.counts() == before


async def test_a_higher_epoch_has_numbers_that_no_lower_one_reaches(dossier: Service, tmp_path: Path) -> None:
    first = await code_of(dossier)
    async with at_noon(dossier.database.url, tmp_path, code_epoch=1) as raised:
        second = await code_of(raised)
    assert (first[-4:], second.rpartition("-")[2]) == ("0001", "100001")


async def test_two_prefixes_count_apart(dossier: Service, tmp_path: Path) -> None:
    await code_of(dossier)
    async with at_noon(dossier.database.url, tmp_path, code_prefix="G01.999.001.000") as other:
        assert await code_of(other) == f"G01.999.001.000-{day()}-0001"
