"""Keeps the stack's parts running: starts each when what it needs is ready, restarts what dies, ends all in order."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hoso_stack.cache import free_megabytes
from hoso_stack.ports import in_use

LAUNCH: Final = Path(__file__).with_name("launch.py")
READY_SECONDS: Final = 90.0  # until a part that was started must answer
STOP_SECONDS: Final = 20.0
RESTART_SECONDS: Final = (0.1, 0.3, 1.0, 3.0)
TRIES: Final = 3  # of a part that was never ready; one that was is brought back for ever
PROBE_SECONDS: Final = 0.05
SHORT_MB: Final = 64  # of a disk that is as good as full
# All that a part has of the person's environment: a proxy, a PGSSLMODE or a JAVA_TOOL_OPTIONS meant for other things
# would change what it does. The locale is one in which every file name can be said.
KEPT: Final = ("PATH", "HOME", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
SET: Final = {"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


class PartFailed(Exception):
    """A part did not become ready; the message says where its log is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One program of the stack.

    Attributes:
        name: also the name of its log file.
        command: the program and its arguments.
        needs: parts that must be ready first.
        ready: answers whether it can be used; None for a step, which is ready when it has ended well.
        environment: what it is told beside KEPT and SET.
        account: "same", or "plain" for what refuses to be root (see launch.py).
        owns: the folder, below the supervisor's, in which it runs, and which its account must own.
        ports: what it listens on.
        stop: the signal that asks it to end.
    """

    name: str
    command: Sequence[str]
    needs: Sequence[str] = ()
    ready: Callable[[], Awaitable[bool]] | None = None
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    account: str = "same"
    owns: str = ""
    ports: Sequence[int] = ()
    stop: signal.Signals = signal.SIGTERM


@dataclass(slots=True)
class _Running:
    part: Part
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    failures: int = 0  # starts in a row after which it was not ready
    was_ready: bool = False


@dataclass(slots=True)
class Supervisor:
    """Runs parts until told to stop.

    Attributes:
        folder: logs, one a part, and status.json.
        publish: called with the pids of the running parts whenever one was (re)started, before status.json says so.
        all_ready: called once, when every part is ready, before status.json says so.
    """

    folder: Path
    parts: Sequence[Part]
    publish: Callable[[Mapping[str, int]], None] = lambda _: None
    all_ready: Callable[[], None] = lambda: None
    _running: dict[str, _Running] = field(default_factory=dict[str, _Running])
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _told_ready: bool = False

    async def run(self) -> None:
        """Keep everything running until SIGTERM, SIGINT or SIGHUP, then end it in reverse order.

        Raises:
            PartFailed: a part never became ready; everything else was ended.
        """
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self._running = {part.name: _Running(part) for part in self.parts}
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        keepers = [asyncio.create_task(self._keep(one)) for one in self._running.values()]
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set() and not any(_failed(keeper) for keeper in keepers):
                await asyncio.wait(
                    {stopping, *(k for k in keepers if not k.done())}, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            self._stopping.set()
            await self._end(keepers)
        for keeper in keepers:
            if error := _failed(keeper):
                self._write_status(failed=str(error))
                raise error

    async def _keep(self, one: _Running) -> None:
        for name in one.part.needs:
            await self._running[name].ready.wait()
        while not self._stopping.is_set():
            if await self._start(one) and await self._became_ready(one):
                one.failures, one.was_ready = 0, True
                one.ready.set()
                self._tell()
                if one.part.ready is None:
                    return
                await self._exit(one)
            else:
                one.failures += 1
                if one.failures >= TRIES and not one.was_ready and not self._stopping.is_set():
                    raise PartFailed(self._words(one))
            await asyncio.sleep(RESTART_SECONDS[min(one.failures, len(RESTART_SECONDS) - 1)])

    async def _start(self, one: _Running) -> bool:
        """Start its process; False, and no process, while something else has a port of it: that would answer for it."""
        if taken := _taken(one.part):
            self._say(f"{one.part.name} is not started{taken}")
            return False
        with self._log(one).open("ab") as log:
            one.process = await asyncio.create_subprocess_exec(
                *bound(self.folder / one.part.owns, one.part.command, one.part.account),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**{n: os.environ[n] for n in KEPT if n in os.environ}, **SET, **one.part.environment},
                cwd=self.folder / one.part.owns,
                start_new_session=True,
            )
        one.starts += 1
        self._tell()
        return True

    async def _became_ready(self, one: _Running) -> bool:
        """Whether it can be used now; False when it ended before. A step is ready when it ended with 0."""
        process = one.process
        assert process is not None
        if one.part.ready is None:
            return await process.wait() == 0
        deadline = time.monotonic() + READY_SECONDS
        while process.returncode is None and not self._stopping.is_set():
            with suppress(Exception):  # whatever it is: not ready yet
                if await asyncio.wait_for(one.part.ready(), 5):
                    return True
            if time.monotonic() > deadline:
                process.kill()
                await process.wait()
            await asyncio.sleep(PROBE_SECONDS)
        return False

    async def _exit(self, one: _Running) -> None:
        assert one.process is not None
        code = await one.process.wait()
        one.ready.clear()
        if not self._stopping.is_set():
            self._say(f"{one.part.name} ended ({code}) and is started again{self._short_of_room()}")
        self._tell()

    async def _end(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        """End the parts, those that need others first."""
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for wave in self._waves():
            await asyncio.gather(*(self._end_one(one) for one in wave))
            self._tell()

    def _waves(self) -> list[list[_Running]]:
        """Groups of parts, each needed by nothing but groups before it."""
        left = dict(self._running)
        waves: list[list[_Running]] = []
        while left:
            needed = {name for one in left.values() for name in one.part.needs}
            wave = [name for name in left if name not in needed] or list(left)
            waves.append([left.pop(name) for name in wave])
        return waves

    async def _end_one(self, one: _Running) -> None:
        process = one.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(one.part.stop)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _words(self, one: _Running) -> str:
        why, log = _taken(one.part) or self._short_of_room(), self._log(one)
        if one.starts == 0 or not (last := log.read_text(errors="replace").strip().splitlines()[-3:]):
            return f"{one.part.name} did not become ready{why or ' and did not say why'}"
        return f"{one.part.name} did not become ready{why}; its log {log} ends with:\n" + "\n".join(last)

    def _short_of_room(self) -> str:
        free = free_megabytes(self.folder)
        return f"; the disk of {self.folder} has {free} MB free: delete something there" if free < SHORT_MB else ""

    def _log(self, one: _Running) -> Path:
        return self.folder / "logs" / f"{one.part.name}.log"

    def _say(self, words: str) -> None:
        with suppress(OSError):  # the disk may be what is full
            print(f"{datetime.now(UTC).isoformat()} {words}", flush=True)

    def _tell(self) -> None:
        """Write stack.env, then status.json: who sees "ready" there finds all of it in stack.env.

        A full disk must not end what runs: the files then stay as they were, whole, until the next change.
        """
        pids = {
            name: one.process.pid
            for name, one in self._running.items()
            if one.process is not None and one.process.returncode is None and one.part.ready is not None
        }
        try:
            self.publish(pids)
            if not self._told_ready and self._all_ready():
                self._told_ready = True
                self.all_ready()
            self._write_status()
        except OSError as error:
            self._say(f"what runs could not be written down: {error}")

    def _write_status(self, failed: str | None = None) -> None:
        parts = {
            name: {
                "state": self._state(one),
                "pid": one.process.pid if one.process is not None and one.process.returncode is None else None,
                "restarts": max(0, one.starts - 1),
            }
            for name, one in self._running.items()
        }
        status = {
            "pid": os.getpid(),
            "started": started_at(os.getpid()),
            "ready": self._all_ready(),
            "failed": failed,
            "parts": parts,
        }
        write_atomically(self.folder / "status.json", json.dumps(status, indent=1))

    def _all_ready(self) -> bool:
        return all(one.ready.is_set() for one in self._running.values())

    def _state(self, one: _Running) -> str:
        if one.ready.is_set():
            return "done" if one.part.ready is None else "ready"
        return "waiting" if one.starts == 0 else "starting"


def bound(folder: Path, command: Sequence[str], account: str = "same") -> list[str]:
    """The command line of a program that is killed when this process ends; see launch.py."""
    launch = [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(signal.SIGKILL)), account, str(folder)]
    return [*launch, *command]


def _taken(part: Part) -> str:
    taken = [port for port in part.ports if in_use(port)]
    return f"; port {taken[0]} of it is in use by something else: `ss -ltnp` shows what; stop that" if taken else ""


def _failed(keeper: asyncio.Task[None]) -> BaseException | None:
    return keeper.exception() if keeper.done() and not keeper.cancelled() else None


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file that a reader sees whole, old or new."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.touch(mode=mode)
        new.write_text(text)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def started_at(pid: int) -> int | None:
    """When a process began, in the kernel's ticks: a pid alone may have been given to another. None: it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


def read_status(folder: Path) -> dict[str, object] | None:
    """The status of a stack whose supervisor still runs; None when there is none."""
    try:
        status = json.loads((folder / "status.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    alive = started_at(status["pid"]) == status["started"]
    return status if alive or status.get("failed") else None
