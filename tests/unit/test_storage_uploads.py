"""Reading an upload: its places, its pauses and what is refused before a byte of it is read."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from hoso_chassis.problems import Problem, standard
from hoso_storage.places import Pace, Places
from hoso_storage.uploads import BODY_LIMIT, SMALL, TypedUpload, read_upload
from support.storage_samples import content_type, form, pdf, png
from support.waiting import until_async

DRAFT = UUID("01938f6e-1111-7000-8000-000000000001")


def request(messages: Sequence[Message], length: str | None = None) -> Request:
    """A request whose body comes in these messages, and then no more."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    headers = [(b"content-type", content_type().encode())]
    headers += [(b"content-length", length.encode("latin-1"))] if length is not None else []
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def body(*pieces: bytes) -> list[Message]:
    return [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]


async def read(of: Request, idle_seconds: float = 5, places: Places | None = None) -> TypedUpload:
    async with (places or one_place()).begin("p-1") as place:
        return await read_upload(of, place, idle_seconds)


def one_place(rate: float = 1000, pace_seconds: float = 60) -> Places:
    return Places(total=1, per_subject=9, waiting=9, wait_seconds=5, pace=Pace(rate, pace_seconds))


async def refusal(of: Request, places: Places | None = None) -> str:
    with pytest.raises(Problem) as caught:
        await read(of, 0.05, places)
    return f"{caught.value.status_code} {caught.value.slug}"


async def test_an_upload_in_two_pieces_is_read_and_typed_by_its_content() -> None:
    whole = form(DRAFT, png())
    upload = await read(request(body(whole[:100], whole[100:])))
    assert (upload.form.draft_id, upload.form.content, upload.media_type) == (DRAFT, png(), "image/png")


async def test_a_wrong_type_behind_a_good_name_is_refused() -> None:
    assert await refusal(request(body(form(DRAFT, b"<html></html>")))) == "415 media-type-not-allowed"


async def test_a_pause_that_is_too_long_is_refused() -> None:
    assert await refusal(request([{"type": "http.request", "body": b"--", "more_body": True}])) == "408 request-timeout"


@pytest.mark.parametrize("length", [str(BODY_LIMIT + 1), "9" * 30])
async def test_a_body_announced_as_too_large_is_refused_before_it_is_read(length: str) -> None:
    assert await refusal(request([], length)) == "413 file-too-large"


@pytest.mark.parametrize("length", ["\xb2", "\xb9" * 20, "-1", "0x10", "1_0", ""])
async def test_a_length_that_is_no_number_is_not_believed(length: str) -> None:
    whole = form(DRAFT, png())
    assert (await read(request(body(whole), length))).media_type == "image/png"


async def test_a_body_that_is_cut_short_has_nobody_to_answer() -> None:
    with pytest.raises(ClientDisconnect):
        await read(request([{"type": "http.disconnect"}]))


async def test_a_piece_that_passes_every_limit_at_once_is_told_of_the_files_limit() -> None:
    async def receive() -> Message:
        raise standard(413)  # as the chassis does, which counts before the form does

    headers = [(b"content-type", content_type().encode())]
    too_much = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    assert await refusal(too_much) == "413 file-too-large"


async def test_an_upload_that_has_hardly_begun_has_no_place() -> None:
    places = one_place()
    async with places.begin("p-1") as begun, places.begin("p-2") as other:
        beginning = form(DRAFT, b"x" * SMALL)[: SMALL - 1]
        reading = asyncio.create_task(read_upload(endless(beginning), begun, 5))
        await asyncio.sleep(0)
        await other.take()
        assert not begun.is_taken
        reading.cancel()


def endless(*pieces: bytes) -> Request:
    return request([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])


async def test_a_slow_upload_is_ended_when_somebody_waits_for_its_place() -> None:
    places = one_place(rate=1_000_000, pace_seconds=0.02)
    whole = form(DRAFT, b"x" * 2 * SMALL)
    slow = asyncio.create_task(read(endless(whole), 5, places))

    async def has_its_place() -> bool:
        return not places._free

    await until_async(has_its_place, within=5)
    async with places.begin("p-2") as other:
        await other.take()
    with pytest.raises(Problem) as caught:
        await slow
    assert (caught.value.status_code, caught.value.slug) == (408, "upload-too-slow")


@pytest.mark.parametrize("is_seen_first", ["the piece", "the clock"])
async def test_an_upload_that_came_whole_is_kept_though_the_loop_was_busy_meanwhile(is_seen_first: str) -> None:
    """Its last piece comes too late, or in time and, with the look at its pace, while the loop is busy."""
    places, loop, came = one_place(rate=1_000_000_000, pace_seconds=0.05), asyncio.get_running_loop(), asyncio.Event()
    whole = form(DRAFT, pdf(3 * SMALL))
    left, waiting = body(whole[: 2 * SMALL], whole[2 * SMALL :]), list[asyncio.Task[None]]()

    async def receive() -> Message:
        if len(left) == 1 and not waiting:
            waiting.append(asyncio.create_task(other.take()))
            await asyncio.sleep(0)
            if is_seen_first == "the clock":
                loop.call_at(slow.due - 0.001, came.set)
                loop.call_soon(busy, slow.due)
                await came.wait()
            busy(slow.due)
        return left.pop(0)

    def busy(until: float) -> None:
        while loop.time() <= until:
            pass

    headers = [(b"content-type", content_type().encode())]
    of = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    async with places.begin("p-1") as slow, places.begin("p-2") as other:
        assert (await read_upload(of, slow, 5)).media_type == "application/pdf"
        assert places.are_wanted
        waiting[0].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_slow_upload_that_nobody_waits_for_goes_on() -> None:
    places = one_place(rate=1_000_000, pace_seconds=0.001)
    whole = form(DRAFT, b"x" * 2 * SMALL)
    assert await refusal(endless(whole), places) == "408 request-timeout"  # by the pause, which is fifty times as long
