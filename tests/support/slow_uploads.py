"""Many citizens who begin an upload to storage and then hardly go on."""

import asyncio
import resource
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from support.raw_http import Answer, Talk, connect
from support.storage_samples import form, pdf
from support.storage_service import headers

EVERY_SECONDS: Final = 1.5
_SIZE: Final = 5_000_000


@dataclass(slots=True)
class Crowd:
    """So many connections, each with an upload under way.

    Attributes:
        answers: of those that were answered.
    """

    talks: list[Talk] = field(default_factory=list[Talk])
    answers: list[Answer] = field(default_factory=list[Answer])
    gone: int = 0

    def told(self) -> Counter[str]:
        """How many were told what."""
        return Counter(answer.told for answer in self.answers)

    async def listen(self, talk: Talk) -> None:
        """Wait for the answer of one."""
        answer = await talk.answer()
        if answer is None:
            self.gone += 1
        else:
            self.answers.append(answer)

    async def trickle(self) -> None:
        """Send a byte each, again and again."""
        while True:
            for talk in self.talks:
                if not talk.writer.is_closing():
                    talk.writer.write(b"x")
            await asyncio.sleep(EVERY_SECONDS)  # the pace of the ones who send, nothing is waited for


def hard_limit_of_files() -> int:
    """How many files a process may have open here at most."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


@contextmanager
def allowed_files(count: int) -> Generator[None]:
    """Let this process and those it starts have so many files open, as long as the block lasts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = soft == resource.RLIM_INFINITY or soft >= count
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft if enough else count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def slow_uploads(port: int, subjects: Sequence[str], begun: int) -> AsyncGenerator[Crowd]:
    """An upload for each of the subjects, with so many bytes sent, that trickles as long as the block lasts."""
    crowd = Crowd()
    body = form(uuid4(), pdf(_SIZE))
    tasks: list[asyncio.Task[None]] = []
    try:
        for subject in subjects:
            talk = await connect(port)
            crowd.talks.append(talk)
            lines = [f"{name}: {value}" for name, value in headers(subject).items()]
            head = ["POST /v1/attachments HTTP/1.1", "host: storage", f"content-length: {len(body)}", *lines]
            talk.writer.write("\r\n".join([*head, "", ""]).encode() + body[:begun])
            tasks.append(asyncio.create_task(crowd.listen(talk)))
        tasks.append(asyncio.create_task(crowd.trickle()))
        yield crowd
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for talk in crowd.talks:
            talk.writer.transport.abort()
