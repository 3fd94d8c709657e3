"""Places for uploads: how many there are, who is next, and who has to give one back."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from hoso_chassis.problems import Problem
from hoso_storage.places import Pace, Place, Places


def places(total: int = 1, per_subject: int = 9, waiting: int = 9, wait_seconds: float = 5, rate: float = 0) -> Places:
    return Places(total, per_subject, waiting, wait_seconds, Pace(rate, 60))


@asynccontextmanager
async def taken(of: Places, subject: str) -> AsyncGenerator[Place]:
    async with of.begin(subject) as place:
        await place.take()
        yield place


async def refusal(of: Places, subject: str = "p-9") -> str:
    with pytest.raises(Problem) as caught:
        async with taken(of, subject):
            pass
    return f"{caught.value.status_code} {caught.value.slug}"


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_citizen_has_only_so_many_uploads_under_way() -> None:
    of = places(4, 2)
    async with of.begin("p-1"), of.begin("p-1"):
        assert await refusal(of, "p-1") == "429 too-many-uploads"
        async with taken(of, "p-2"):
            pass
    async with taken(of, "p-1"):
        pass


async def test_who_has_begun_and_taken_none_keeps_none_from_others() -> None:
    of = places(1)
    async with of.begin("p-1"), of.begin("p-2"), taken(of, "p-3"):
        pass


async def test_a_place_is_taken_once_and_given_back_once() -> None:
    of = places(1)
    async with of.begin("p-1") as place:
        await place.take()
        await place.take()
    async with taken(of, "p-2"):
        pass


async def test_who_comes_last_is_next() -> None:
    of, order = places(1), list[str]()

    async def upload(subject: str) -> None:
        async with taken(of, subject):
            order.append(subject)

    async with taken(of, "p-1"):
        waiting = [asyncio.create_task(upload(f"p-{number}")) for number in (2, 3)]
        await turns()
        order.append("p-1")
    await asyncio.gather(*waiting)
    assert order == ["p-1", "p-3", "p-2"]


async def test_who_waits_longest_is_sent_away_when_too_many_wait() -> None:
    of = places(1, waiting=2)
    async with taken(of, "p-1"), AsyncExitStack() as begun:
        waiting = [
            asyncio.create_task((await begun.enter_async_context(of.begin(f"p-{number}"))).take())
            for number in range(3)
        ]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await turns()
        assert [task.done() for task in waiting] == [True, False, False]
        with pytest.raises(Problem):
            await waiting[0]
        for task in waiting[1:]:
            task.cancel()
        await asyncio.gather(*waiting[1:], return_exceptions=True)


async def test_who_finds_no_place_in_time_is_told_so_and_keeps_none() -> None:
    of = places(1, 1, wait_seconds=0.01)
    async with taken(of, "p-1"):
        assert await refusal(of, "p-2") == "503 unavailable"
    async with taken(of, "p-2"):
        pass


@pytest.mark.parametrize("given", [False, True])
async def test_who_is_cancelled_while_waiting_keeps_no_place(given: bool) -> None:  # noqa: FBT001
    of = places(1)
    async with of.begin("p-2") as other:
        async with taken(of, "p-1"):
            waiting = asyncio.create_task(other.take())
            await turns()
            if not given:
                waiting.cancel()
                await turns()
        waiting.cancel()  # has been given a place and does not know it yet
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with taken(of, "p-3"):
        pass


async def test_a_slow_one_must_go_when_somebody_waits_and_a_quick_one_need_not() -> None:
    of = places(1, rate=1000)
    async with taken(of, "p-1") as slow:
        slow.due = 0  # the time is over
        slow.use(0)  # nobody waits
        async with of.begin("p-2") as other:
            waiting = asyncio.create_task(other.take())
            await turns()
            slow.due = 0
            slow.use(60_000)
            slow.use(0)  # the time is not over
            slow.due, slow.since = 0, slow.since - 120
            with pytest.raises(Problem, match="upload-too-slow"):
                slow.use(59_999)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def test_a_good_line_may_pause_and_one_that_stops_for_good_must_go() -> None:
    of = places(1, rate=1000)  # looked at once a minute
    async with taken(of, "p-1") as mobile, of.begin("p-2") as other:
        waiting = asyncio.create_task(other.take())
        await turns()

        def brings(size: int, minutes: int) -> None:
            mobile.due, mobile.since = 0, mobile.since - 60 * minutes
            mobile.use(size)

        brings(240_000, 2)
        brings(1, 1)  # nothing in a minute, and still more than a thousand a second since it began
        with pytest.raises(Problem, match="upload-too-slow"):
            brings(1, 2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
