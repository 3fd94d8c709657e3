"""A thousand slow uploads at one storage process: its memory stays flat, and others are served meanwhile."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from time import monotonic
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from support.dossier_service import empty_database
from support.form import sized
from support.slow_uploads import Crowd, allowed_files, hard_limit_of_files, slow_uploads
from support.storage_process import Process, s3_of, storage_process
from support.storage_samples import form, pdf, png
from support.storage_service import headers, s3_bucket
from support.waiting import until_async

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(sized(180, 900))]

CROWD = 1000
FILES = 4096  # that a process may have open
SECONDS = sized(4, 120)
PACE = 1.0
QUICK = 100_000
BOUGHT = QUICK / 32_768  # seconds, at the least rate


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Process]:
    folder = tmp_path_factory.mktemp("storage")
    if hard_limit_of_files() < FILES:
        pytest.skip(f"this machine allows a process fewer than {FILES} open files")
    async with AsyncExitStack() as opened:
        opened.enter_context(allowed_files(FILES))
        url = await opened.enter_async_context(empty_database(postgres))
        bucket = await opened.enter_async_context(s3_bucket())
        # A machine that is busy with other tests may let a crowd pause for long.
        settings = s3_of(bucket) | {"UPLOAD_PACE_SECONDS": str(PACE), "UPLOAD_IDLE_SECONDS": "120"}
        process = await opened.enter_async_context(storage_process(url, folder, settings))
        await Citizen(process).visit()  # everything that is loaded once is
        yield process


class Citizen:
    """Who uploads and reads as one should, and how long an upload took at most."""

    def __init__(self, process: Process) -> None:
        self.url, self.longest = process.url, 0.0

    async def visit(self) -> None:
        """Upload a photo and a large file, and read both."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            for content in (png(), pdf(1_000_000)):
                sent = headers(f"good-{uuid4().hex}")
                begun = monotonic()
                stored = await client.post("/v1/attachments", content=form(uuid4(), content), headers=sent)
                self.longest = max(self.longest, monotonic() - begun)
                assert stored.status_code == 201, stored.text
                facts = await client.get(stored.headers["location"], headers=sent)
                assert facts.status_code == 200


async def alone(process: Process) -> float:
    """How long an upload takes on this machine at this time, when nobody else is there."""
    citizen = Citizen(process)
    await citizen.visit()
    return citizen.longest


async def visited(citizen: Citizen, process: Process) -> list[int]:
    """Let the citizen come as often as there is time, and see how much memory the process had after each."""
    seen: list[int] = []
    end = monotonic() + SECONDS
    while monotonic() < end or len(seen) < 4:
        await citizen.visit()
        seen.append(process.kilobytes("VmRSS"))
    return seen


async def arrived(process: Process, count: int) -> None:
    """Wait until the process has taken up so many connections."""

    async def connections() -> int:
        return len([*process.files()])

    await until_async(connections, within=30, is_=lambda files: files >= count)


async def test_a_thousand_who_trickle_keep_nobody_waiting_and_memory_flat(storage: Process) -> None:
    """Each has sent 1 KB and sends a byte every 1.5 s."""
    usual, idle, citizen = await alone(storage), storage.kilobytes("VmRSS"), Citizen(storage)
    async with slow_uploads(storage.port, [f"slow-{number}" for number in range(CROWD)], 1000) as crowd:
        await arrived(storage, CROWD)
        await alone(storage)  # behind a thousand requests that begin
        seen = await visited(citizen, storage)
        assert crowd.told() == {}
        assert crowd.gone == 0
    half = len(seen) // 2
    tell(idle, seen, citizen, crowd)
    assert max(seen) - idle < CROWD * 80, "80 KB a connection"
    assert max(seen[half:]) - max(seen[:half]) < 4096, "flat"
    assert citizen.longest < 5 + 5 * usual


async def test_a_thousand_uploads_of_three_citizens_are_six_each(storage: Process) -> None:
    usual, citizen = await alone(storage), Citizen(storage)
    async with slow_uploads(storage.port, [f"few-{number % 3}" for number in range(CROWD)], 1000) as crowd:

        async def refused() -> int:
            return crowd.told()["429 too-many-uploads"]

        await until_async(refused, within=60, is_=CROWD - 3 * 6)
        await citizen.visit()
        assert len(crowd.answers) == CROWD - 3 * 6
    assert citizen.longest < 5 + 5 * usual


async def test_a_thousand_who_stop_after_a_quick_start_give_their_places_up(storage: Process) -> None:
    """Each has sent 100 KB, which buys a place for three seconds, and wants more."""
    usual, idle, citizen = await alone(storage), storage.kilobytes("VmRSS"), Citizen(storage)
    async with slow_uploads(storage.port, [f"quick-{number}" for number in range(CROWD)], QUICK) as crowd:

        async def many_refused() -> int:
            return crowd.told()["503 unavailable"]

        await until_async(many_refused, within=60, is_=lambda count: count > CROWD - 16 - 64 - 100)
        seen = await visited(citizen, storage)
        assert set(crowd.told()) <= {"408 upload-too-slow", "503 unavailable"}
        assert crowd.told()["408 upload-too-slow"] >= 16
    tell(idle, seen, citizen, crowd)
    assert max(seen) - idle < CROWD * 80 + CROWD * 64, "and 64 KB of an upload"
    assert citizen.longest < BOUGHT + PACE + 5 + 5 * usual


def tell(idle: int, seen: list[int], citizen: Citizen, crowd: Crowd) -> None:
    print(  # noqa: T201  # the figures
        f"idle {idle / 1024:.0f} MB, then {min(seen) / 1024:.0f} to {max(seen) / 1024:.0f} MB over {len(seen)} visits, "
        f"longest upload {citizen.longest:.2f} s, answered {dict(crowd.told())}"
    )
