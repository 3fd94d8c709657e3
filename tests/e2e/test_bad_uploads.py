"""What storage must refuse: of a refused file there is no row, no object, no event and no word anywhere."""

from collections.abc import Generator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from hoso_stack.story import COMPONENT, Story, a_pdf
from support.bad_tokens import SLUGS, bad_token
from support.kept import kept_when_still
from support.refusals import Refusal, Refusing, canary
from support.stories import RunningStack

pytestmark = pytest.mark.stack

UPLOADS = "/v1/attachments"
LIMIT = 5_242_880
TOO_LARGE = Refusal(413, "file-too-large")
WRONG_PARTS = Refusal(400, "wrong-parts")
NOT_FOUND = Refusal(404, "not-found")

Files = list[tuple[str, tuple[str | None, bytes | str] | tuple[str | None, bytes | str, str]]]


@pytest.fixture
def asking(stack: RunningStack) -> Refusing:
    return Refusing(stack)


@pytest.fixture
def story(stack: RunningStack, client: httpx.AsyncClient) -> Story:
    return stack.story(client)


def form(content: bytes, name: str, **fields: str) -> Files:
    """An upload form; `fields` replaces some of its fields."""
    texts = {"draft_id": str(uuid4()), "component": COMPONENT} | fields
    return [*((field, (None, text)) for field, text in texts.items()), ("file", (name, content, "application/pdf"))]


async def refuses(asking: Refusing, story: Story, refusal: Refusal, files: Files, *marked: str) -> httpx.Response:
    return await asking.refuses(
        "storage", "POST", UPLOADS, refusal, marked=[*marked, story.token], token=story.token, files=files
    )


def marked_pdf(word: str, size: int) -> bytes:
    head, tail = a_pdf(1000)[:500], a_pdf(1000)[500:]
    return head + word.encode() + b"x" * (size - 1000 - len(word)) + tail


async def test_a_file_of_one_byte_more_than_5_mb_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    answer = await refuses(asking, story, TOO_LARGE, form(marked_pdf(word, LIMIT + 1), f"{word}.pdf"), word)
    assert answer.headers["connection"] == "close"


async def test_a_file_without_end_is_refused_at_the_first_byte_too_many(asking: Refusing, story: Story) -> None:
    word = canary()
    boundary = "kanari-boundary"
    sent = 0

    def body() -> Generator[bytes]:
        nonlocal sent
        for name, text in (("draft_id", str(uuid4())), ("component", COMPONENT)):
            yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{word}"\r\n\r\n%PDF-'.encode()
        while sent < 20 * LIMIT:
            sent += 65_536
            yield word.encode() * (65_536 // len(word))

    await asking.refuses(
        "storage", "POST", UPLOADS, TOO_LARGE, marked=[word], token=story.token, content=body(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )  # fmt: skip
    assert sent < 20 * LIMIT


async def test_an_empty_file_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    await refuses(asking, story, Refusal(422, "empty-file"), form(b"", f"{word}.pdf"), word)


EXECUTABLES = {
    "of-linux": b"\x7fELF\x02\x01\x01\x00",
    "of-windows": b"MZ\x90\x00\x03\x00\x00\x00",
    "a-script": b"#!/bin/sh\necho ",
    "a-page": b"<html><script>",
    "a-pdf-and-an-archive": b"%PDF-1.7\nPK\x05\x06\x00\x00\x00\x00",
}


@pytest.mark.parametrize("head", EXECUTABLES.values(), ids=EXECUTABLES)
async def test_something_else_behind_the_name_of_a_pdf_is_refused(asking: Refusing, story: Story, head: bytes) -> None:
    word = canary()
    content = head + word.encode() + b"\n%%EOF\n"
    await refuses(asking, story, Refusal(415, "media-type-not-allowed"), form(content, f"{word}.pdf"), word)


async def test_a_field_after_the_file_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    files: Files = [*form(a_pdf(), f"{word}.pdf"), (word, (None, word))]
    await refuses(asking, story, WRONG_PARTS, files, word)


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (0, 1), (0, 1, 2, 2)], ids=str)
async def test_parts_that_are_not_the_three_in_their_order_are_refused(
    asking: Refusing, story: Story, order: tuple[int, ...]
) -> None:
    word = canary()
    files = form(a_pdf(), f"{word}.pdf", component=word)
    await refuses(asking, story, WRONG_PARTS, [files[place] for place in order], word)


@pytest.mark.parametrize("field", ["draft_id", "component"])
async def test_a_field_that_cannot_be_is_refused_by_its_name(asking: Refusing, story: Story, field: str) -> None:
    word = canary()
    refusal = Refusal(422, "invalid-request", ((f"/{field}", "string-pattern-mismatch"),))
    files = form(a_pdf(), f"{word}.pdf", **{field: f"{word}/../{word}"})
    await refuses(asking, story, refusal, files, word)


async def test_who_has_no_token_uploads_nothing(asking: Refusing) -> None:
    word = canary()
    refusal = Refusal(401, "token-missing")
    files = form(a_pdf(), f"{word}.pdf")
    await asking.refuses("storage", "POST", UPLOADS, refusal, marked=[word], files=files)


@pytest.mark.parametrize("wrong", ["signed-by-a-key-of-the-same-name", "expired", "for-another-service"])
async def test_a_token_that_does_not_hold_is_refused(asking: Refusing, stack: RunningStack, wrong: str) -> None:
    word = canary()
    token, refusal = bad_token(wrong, stack.folder / "keys", word), Refusal(401, SLUGS[wrong])
    await asking.refuses(
        "storage", "POST", UPLOADS, refusal, marked=[word, token], token=token, files=form(a_pdf(), word)
    )


async def test_an_upload_without_an_idempotency_key_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    refusal = Refusal(400, "idempotency-key-missing")
    files = form(a_pdf(), f"{word}.pdf")
    await asking.refuses("storage", "POST", UPLOADS, refusal, marked=[word], token=story.token, key=None, files=files)


async def test_the_same_key_is_for_the_same_file(asking: Refusing, story: Story) -> None:
    key, word = canary(), canary()
    send: dict[str, Any] = {"files": form(a_pdf(), "a.pdf"), "headers": {"Idempotency-Key": key}}
    storage = story.citizen("STORAGE_URL")
    first = await storage.call("POST", UPLOADS, 201, **send)
    before = (await kept_when_still(story.stack)).fingerprint()
    send["headers"] = {"Idempotency-Key": key}
    second = await storage.call("POST", UPLOADS, 201, **send)
    assert second.content == first.content
    assert (await kept_when_still(story.stack)).fingerprint() == before
    await asking.refuses(
        "storage", "POST", UPLOADS, Refusal(422, "idempotency-key-reused"), marked=[key, word], token=story.token,
        key=key, files=form(marked_pdf(word, 5000), f"{word}.pdf", draft_id=str(send["files"][0][1][1])),
    )  # fmt: skip


@pytest.mark.parametrize("path", ["", "/content"])
async def test_somebody_elses_file_is_not_there(
    asking: Refusing, stack: RunningStack, story: Story, client: httpx.AsyncClient, path: str
) -> None:
    await story.fill_in()
    uploaded = await story.upload()
    stranger, word = stack.story(client), canary()
    await asking.refuses(
        "storage", "GET", f"{UPLOADS}/{uploaded['id']}{path}?kanari={word}", NOT_FOUND,
        marked=[word, uploaded["sha256"], stranger.token], token=stranger.token,
    )  # fmt: skip
