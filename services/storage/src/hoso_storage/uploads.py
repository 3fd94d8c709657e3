"""Reads an upload while it comes in: bounded in size and time; keeps nothing that it refuses."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from hoso_chassis.problems import Problem
from hoso_storage import media, refusals
from hoso_storage.domain import FILE_LIMIT
from hoso_storage.form import OVERHEAD, Upload, UploadForm
from hoso_storage.places import Place

BODY_LIMIT: Final = FILE_LIMIT + OVERHEAD
SMALL: Final = 32_768
"""Bytes of an upload that come in before it needs a place: a thousand that hardly send keep none."""
_LENGTH_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class TypedUpload:
    """An upload whose type was found by looking at it."""

    form: Upload
    media_type: str


async def read_upload(request: Request, place: Place, idle_seconds: float) -> TypedUpload:
    """Read the form and look at the file; the place is taken when it has come whole, or more than `SMALL` bytes of it.

    Raises:
        Problem: whatever is wrong with it; 408 when nothing arrives for `idle_seconds`, or too little while others
            wait; 503 when there is no place.
        ClientDisconnect: the body was cut short; nobody is left to answer.
    """
    form = UploadForm.of(request.headers.get("content-type", ""))
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and (len(announced) > _LENGTH_DIGITS or int(announced) > BODY_LIMIT):
        raise refusals.too_large()
    size = 0
    async with aclosing(_messages(request, place, idle_seconds)) as messages:
        async for message in messages:
            piece = message.get("body", b"")
            size += len(piece)
            try:
                form.feed(piece)
            except Problem as refusal:
                raise _closing(refusal, message) from None
            if size > SMALL:
                await place.take()
    await place.take()
    upload = form.close()
    found = await asyncio.to_thread(media.media_type, upload.content)
    if found is None:
        raise refusals.media_type_not_allowed()
    return TypedUpload(upload, found)


def _closing(refusal: Problem, message: Message) -> Problem:
    """Close the connection of whoever sent too much; while more is to come, the chassis does that for any refusal."""
    if refusal.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and not message.get("more_body", False):
        refusal.headers = {"connection": "close"}
    return refusal


async def _messages(request: Request, place: Place, idle_seconds: float) -> AsyncGenerator[Message]:
    while True:
        message = await _next(request, place, idle_seconds)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):  # whole, however long it took: there is nothing left to hurry
            yield message
            return
        place.use(len(message.get("body", b"")))
        yield message


async def _next(request: Request, place: Place, idle_seconds: float) -> Message:
    """Wait for the next piece, and look meanwhile how much came."""
    end = asyncio.get_running_loop().time() + idle_seconds
    while True:
        # Once more when the time is over: the piece may have come while the loop was busy, and nobody looked.
        for until in (min(end, place.due), 0):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    return await _receive(request)
        if end <= asyncio.get_running_loop().time():
            raise refusals.too_slow()
        place.use(0)


async def _receive(request: Request) -> Message:
    try:
        return await request.receive()
    except Problem as refusal:
        if refusal.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # a large piece passes the form's limit too
            raise refusals.too_large() from None
        raise
