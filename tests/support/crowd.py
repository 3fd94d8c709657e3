"""Fifty citizens at a time live their stories while a test hits the stack; who has ended makes room for a new one."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from hoso_stack.story import Story, StoryStuck, until
from support.record_log import RecordLog

AT_ONCE: Final = 50
NOTIFICATIONS: Final = 4  # by e-mail and by SMS, when submitted and when accepted
_LOOK_SECONDS: Final = 0.3  # between two looks of an officer at a dossier that is not ready


class Persistent(Story):
    """A story whose people do not give up; their client is a patient one (see patient.py)."""

    __slots__ = ()

    async def type_answers(self, etag: str) -> None:
        """Save the answers; after a lost answer the draft has moved, so look whether it was by this."""
        try:
            await Story.type_answers(self, etag)
        except StoryStuck as error:
            if ": 412 " not in str(error):
                raise
            seen = await self.citizen().call("GET", f"/v1/drafts/{self.dossier_id}", 200)
            if seen.json()["answers"] != self.answers:
                await Story.type_answers(self, seen.headers["ETag"])

    async def accept(self) -> None:
        """The officer looks now and then, and accepts."""
        path = f"/v1/dossiers/{self.dossier_id}"

        async def ready() -> str | None:
            await asyncio.sleep(_LOOK_SECONDS)
            seen = await self.officer().call("GET", path, 200)
            return seen.headers["ETag"] if seen.json()["ready_to_accept"] else None

        etag = await until(ready, f"dossier {self.dossier_id}: identity confirmed and papers checked", self.patience)
        await self.officer().call("POST", f"{path}/accept", 200, json={}, headers={"If-Match": etag})


@dataclass(slots=True)
class Crowd:
    """Stories in flight.

    Attributes:
        new: a citizen who has no story yet.
        thinking: the longest a person takes between two steps, in seconds.
        stories: all that began.
        broken: why stories broke off; the others go on.
    """

    new: Callable[[], Persistent]
    log: RecordLog
    chance: random.Random
    thinking: float = 6.0
    stories: list[Persistent] = field(default_factory=list[Persistent])
    broken: list[str] = field(default_factory=list[str])
    _living: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _closed: bool = False

    @property
    def in_flight(self) -> int:
        """How many have begun and not ended."""
        return len(self._living)

    async def keep(self) -> None:
        """Let a story begin whenever fewer than fifty are in flight, until `end`."""
        while not self._closed:
            while len(self._living) < AT_ONCE:
                story = self.new()
                self.stories.append(story)
                self._living.add(asyncio.create_task(self._live(story)))
            ended, self._living = await asyncio.wait(self._living, return_when=asyncio.FIRST_COMPLETED)
            self._note(ended)

    async def end(self) -> None:
        """Let no more begin, and wait until every story has ended."""
        self._closed = True
        if self._living:
            ended, self._living = await asyncio.wait(self._living)
            self._note(ended)

    def _note(self, ended: Iterable[asyncio.Task[None]]) -> None:
        self.broken += [str(error) for one in ended if (error := one.exception()) is not None]

    async def abandon(self) -> None:
        """Cut off what still lives."""
        for one in self._living:
            one.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)

    async def _live(self, story: Persistent) -> None:
        await self._think()
        await story.fill_in()
        await self._think()
        uploaded = await story.upload()
        await self._think()
        await story.submit([uploaded["receipt"]])
        await story.accept()

        async def all_told() -> bool:
            await asyncio.sleep(_LOOK_SECONDS)
            return self.log.settled(story.dossier_id) >= NOTIFICATIONS

        await until(all_told, f"dossier {story.dossier_id}: its notifications have ended", story.patience)

    async def _think(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.thinking))


@asynccontextmanager
async def crowd_of(crowd: Crowd) -> AsyncGenerator[Crowd]:
    """A crowd that lives while the block lasts, or until it is ended."""
    keeping = asyncio.create_task(crowd.keep())
    try:
        yield crowd
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await crowd.abandon()
