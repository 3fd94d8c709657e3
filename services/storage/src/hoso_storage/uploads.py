"""Reads an upload while it comes in: bounded in size, time and number; keeps nothing that it refuses."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from hoso_chassis.problems import Problem
from hoso_storage import media, refusals
from hoso_storage.domain import FILE_LIMIT
from hoso_storage.form import OVERHEAD, Upload, UploadForm

BODY_LIMIT: Final = FILE_LIMIT + OVERHEAD
_LENGTH_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class TypedUpload:
    """An upload whose type was found by looking at it."""

    form: Upload
    media_type: str


@dataclass(slots=True)
class Places:
    """How many uploads may be in memory at a time: in all, and of one citizen.

    Attributes:
        wait_seconds: how long an upload waits for a place; nothing of it is read meanwhile.
    """

    total: int
    per_subject: int
    wait_seconds: float
    _taken: Counter[str] = field(default_factory=Counter[str])
    _free: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.total)

    @asynccontextmanager
    async def take(self, subject: str) -> AsyncGenerator[None]:
        """Have a place.

        Raises:
            Problem: 429 too-many-uploads, 503 when none gets free in time.
        """
        if self._taken[subject] >= self.per_subject:
            raise refusals.too_many_at_once()
        self._taken[subject] += 1
        try:
            await self._wait()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._taken[subject] -= 1
            if not self._taken[subject]:
                del self._taken[subject]

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self.wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise refusals.too_busy() from None


async def read_upload(request: Request, idle_seconds: float) -> TypedUpload:
    """Read the form and look at the file.

    Raises:
        Problem: whatever is wrong with it; 408 when nothing arrives for `idle_seconds`.
        ClientDisconnect: the body was cut short; nobody is left to answer.
    """
    form = UploadForm.of(request.headers.get("content-type", ""))
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and (len(announced) > _LENGTH_DIGITS or int(announced) > BODY_LIMIT):
        raise refusals.too_large()
    async with aclosing(_messages(request, idle_seconds)) as messages:
        async for message in messages:
            try:
                form.feed(message.get("body", b""))
            except Problem as refusal:
                raise _closing(refusal, message) from None
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


async def _messages(request: Request, idle_seconds: float) -> AsyncGenerator[Message]:
    while True:
        try:
            async with asyncio.timeout(idle_seconds):
                message = await request.receive()
        except TimeoutError:
            raise refusals.too_slow() from None
        except Problem as refusal:
            if refusal.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # a large piece passes the form's limit too
                raise refusals.too_large() from None
            raise
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message
        if not message.get("more_body", False):
            return
