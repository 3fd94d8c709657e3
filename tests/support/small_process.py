"""Processes of the small service, each of a release: the code of that time with the migrations it has."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from hoso_chassis import positions
from hoso_chassis.database import Database
from support.counting import TABLE
from support.storage_service import free_port
from support.waiting import until_async

TOPIC: Final = "identity.verifications.v1"
GROUP: Final = "hoso.dossier"
_TESTS: Final = str(Path(__file__).parents[1])
_INHERITED: Final = [found for found in [os.environ.get("PYTHONPATH")] if found]
_MAIN: Final = "from hoso_chassis.cli import run\nfrom support.small_service import service\n\nrun(service)\n"
RELEASES: Final[Mapping[int, str]] = {
    1: TABLE,
    2: "ALTER TABLE counts ADD COLUMN note text",
    3: "SELECT 1",
    4: "ALTER TABLE counts DROP COLUMN note; SELECT require_code_version('hoso_counting', 3);",
}
"""The fourth drops what the second needs and the third does without: from then on code must be the third or newer."""


def release(folder: Path, newest: int, extra: Mapping[int, str] | None = None) -> Path:
    """What an image of that time has on its path."""
    path = folder / f"release-{newest}"
    sql = path / "hoso_counting" / "sql"
    sql.mkdir(parents=True, exist_ok=True)
    for number, text in {**{n: RELEASES[n] for n in RELEASES if n <= newest}, **(extra or {})}.items():
        (sql / f"{number:04}_step.sql").write_text(text)
    for place in (sql, sql.parent):
        (place / "__init__.py").write_text("")
    (sql.parent / "__main__.py").write_text(_MAIN)
    return path


@dataclass(slots=True)
class Small:
    """One process; its words are in `log`, its health and its API at `port`."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def said(self, words: str, within: float = 20) -> None:
        """Wait until it has said so."""

        async def look() -> bool:
            return words in self.log.read_text()

        await until_async(look, within=within)

    async def ended(self, within: float) -> tuple[int, float]:
        """Wait for its end: exit status and seconds."""
        began = monotonic()
        async with asyncio.timeout(within):
            return await self.process.wait(), monotonic() - began

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        self.process.send_signal(number)


@dataclass(slots=True)
class Ground:
    """Where the processes of a test live."""

    folder: Path
    database_url: str
    kafka: str
    settings: dict[str, str] = field(default_factory=dict[str, str])
    _count: int = 0

    def environment(self, path: Path, port: int) -> dict[str, str]:
        own = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join((str(path), _TESTS, *_INHERITED)),
            "DATABASE_URL": self.database_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "HTTP_PORT": str(port),
            "HEALTH_PORT": str(port),
            "JWKS_URL": "http://127.0.0.1:9/jwks",
            "TOKEN_ISSUER": "https://nobody.example",
            "RELEASE": path.name,
        }
        return own | self.settings

    async def command(self, newest: int, *words: str, extra: Mapping[int, str] | None = None) -> tuple[int, str]:
        """Run a command to its end: status and what it said."""
        path = release(self.folder / f"{len(extra or ())}", newest, extra)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hoso_counting",
            *words,
            env=self.environment(path, 0),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def migrate(self, newest: int) -> None:
        """Bring the database to a release, reading from the present end of the topic."""
        status, said = await self.command(newest, "migrate")
        assert status == 0, said
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, group_id=None)
        await consumer.start()
        ends = await consumer.end_offsets([TopicPartition(TOPIC, number) for number in range(12)])
        await consumer.stop()
        database = Database(self.database_url, "/hoso/dossier", size=1)
        await database.open()
        async with database.connection() as connection:
            await positions.begin(connection, GROUP, {(TOPIC, end.partition): ends[end] for end in ends})
        await database.close()

    @asynccontextmanager
    async def running(self, roles: str, newest: int = 1, /, **settings: str) -> AsyncGenerator[Small]:
        """A process that has started; it has ended after the block."""
        self._count += 1
        port, log = free_port(), self.folder / f"{self._count}.log"
        environment = self.environment(release(self.folder, newest), port) | settings
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hoso_counting", "serve", "--role", roles, env=environment, stdout=out, stderr=out
            )
        try:
            yield Small(process, port, log)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@dataclass(slots=True)
class Gate:
    """Who is asked by the small service: keeps what came in waiting until it is let go."""

    port: int
    asked: list[str] = field(default_factory=list[str])
    _open: asyncio.Event = field(default_factory=asyncio.Event)

    def let_go(self) -> None:
        """Answer all, also who comes later."""
        self._open.set()

    async def was_asked(self, times: int = 1) -> None:
        """Wait for that many."""

        async def look() -> bool:
            return len(self.asked) >= times

        await until_async(look, within=30)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            self.asked.append(line.decode().strip())
            await self._open.wait()
            writer.write(b"go\n")
        finally:
            writer.close()


@asynccontextmanager
async def gate() -> AsyncGenerator[Gate]:
    """A gate that is closed."""
    one = Gate(0)
    tasks: set[asyncio.Task[None]] = set()

    def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(one._answer(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
