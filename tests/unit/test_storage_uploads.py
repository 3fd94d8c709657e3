"""Reading an upload: its places, its pauses and what is refused before a byte of it is read."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from hoso_chassis.problems import Problem, standard
from hoso_storage.uploads import BODY_LIMIT, Places, read_upload
from support.storage_samples import content_type, form, png

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


async def refusal(of: Request) -> str:
    with pytest.raises(Problem) as caught:
        await read_upload(of, 0.05)
    return f"{caught.value.status_code} {caught.value.slug}"


async def test_an_upload_in_two_pieces_is_read_and_typed_by_its_content() -> None:
    whole = form(DRAFT, png())
    upload = await read_upload(request(body(whole[:100], whole[100:])), 5)
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
    assert (await read_upload(request(body(whole), length), 5)).media_type == "image/png"


async def test_a_body_that_is_cut_short_has_nobody_to_answer() -> None:
    with pytest.raises(ClientDisconnect):
        await read_upload(request([{"type": "http.disconnect"}]), 5)


async def test_one_citizen_has_only_so_many_places() -> None:
    places = Places(4, 2, 1)
    async with places.take("p-1"), places.take("p-1"):
        with pytest.raises(Problem) as caught:
            async with places.take("p-1"):
                pass
        assert caught.value.status_code == 429
        async with places.take("p-2"):
            pass
    async with places.take("p-1"):
        pass


async def test_an_upload_waits_for_a_place_and_gets_the_next_free_one() -> None:
    places = Places(1, 9, 5)
    order: list[str] = []

    async def upload(subject: str) -> None:
        async with places.take(subject):
            order.append(subject)

    async with places.take("p-1"):
        waiting = asyncio.create_task(upload("p-2"))
        await asyncio.sleep(0)
        order.append("p-1")
    await waiting
    assert order == ["p-1", "p-2"]


async def test_an_upload_that_finds_no_place_in_time_is_told_so_and_keeps_none() -> None:
    places = Places(1, 1, 0.01)
    async with places.take("p-1"):
        with pytest.raises(Problem) as caught:
            async with places.take("p-2"):
                pass
        assert caught.value.status_code == 503
    async with places.take("p-2"):
        pass


async def test_a_piece_that_passes_every_limit_at_once_is_told_of_the_files_limit() -> None:
    async def receive() -> Message:
        raise standard(413)  # as the chassis does, which counts before the form does

    headers = [(b"content-type", content_type().encode())]
    too_much = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
    assert await refusal(too_much) == "413 file-too-large"
