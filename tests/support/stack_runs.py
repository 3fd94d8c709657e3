"""Commands of the local stack run as a person runs them, but in a folder and with a cache of the test's own."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hoso_stack.cache import cache_folder
from hoso_stack.supervisor import read_status
from support.waiting import until

# The command line's own entry, with the checkout's `out` in another place, and with some parts only.
RUN: Final = """
import sys
from pathlib import Path
from hoso_stack import __main__, commands, demo, stack
commands.OUT, only = Path(sys.argv.pop(1)), sys.argv.pop(1).split()
def some(*given, **named):
    return stack.Stack(*given, only=only, **named)
commands.Stack = demo.Stack = some
__main__.main()
"""
READY_S: Final = 90


@dataclass(slots=True)
class Command:
    """One command under way; `folder` stands for the checkout's out/."""

    folder: Path
    process: subprocess.Popen[str]

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to it, or, as a terminal does, to all of its process group."""
        (os.killpg if group else os.kill)(self.process.pid, number)

    def ended(self, within: float = 60) -> tuple[int, str, str]:
        """Wait for its end: status, what it printed, what it said."""
        out, said = self.process.communicate(timeout=within)
        return self.process.returncode, out, said

    def part(self, stack: str, name: str) -> str:
        """The state of a part of `up`'s stack ("stack") or of the demonstration's ("demo/stack"); "" before."""
        status: Any = read_status(self.folder / stack)
        assert self.process.poll() is None, f"it ended before: {self.process.communicate()}"
        return str(status["parts"].get(name, {}).get("state", "")) if status else ""


@contextmanager
def command(
    folder: Path, *words: str, only: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Generator[Command]:
    """Start a command in a process group of its own, which ends with the block; a kept stack stays."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), " ".join(only), *words],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Command(folder, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run(
    folder: Path,
    *words: str,
    only: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    within: float = READY_S,
) -> tuple[int, str, str]:
    """Run a command to its end: status, what it printed, what it said."""
    with command(folder, *words, only=only, environment=environment) as under_way:
        return under_way.ended(within)


def running_in(folder: Path) -> list[int]:
    """The processes that have this folder in their command line or work in it."""
    sought, found = os.fsencode(folder), list[int]()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes() + b"\0" + os.fsencode((entry / "cwd").readlink())
            if sought in words:
                found.append(int(entry.name))
    return found


@contextmanager
def swept(folder: Path) -> Generator[Path]:
    """A folder for commands; whatever of them still runs at the end is killed."""
    try:
        yield folder
    finally:
        for pid in running_in(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def nothing_runs_in(*folders: Path) -> None:
    """Wait until no process has anything to do with these folders."""
    for folder in folders:
        until(lambda folder=folder: running_in(folder), within=30, is_=[])


def in_one_line(said: str) -> str:
    """The last line of what a command said, which must hold its whole failure: no traceback, no command line.

    Progress may stand before it, and the end of a log behind it.
    """
    assert "Traceback" not in said, said
    lines = [line for line in said.strip().splitlines() if line.startswith("[hoso] ")]
    assert lines, said
    return lines[-1].removeprefix("[hoso] ")


def part_of_the_cache(folder: Path, *without: str) -> Path:
    """A cache with links to the entries of the real one, but for those whose names begin so; for XDG_CACHE_HOME."""
    cache = folder / "hoso"
    (cache / "locks").mkdir(parents=True)
    for entry in cache_folder().iterdir():
        if re.search(r"\.weight$|^(kafka|postgres|minio)-", entry.name) and not entry.name.startswith(
            without or ("/",)
        ):
            (cache / entry.name).symlink_to(entry)
    return folder


@contextmanager
def silent_server() -> Generator[socket.socket]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening


def was_called(server: socket.socket) -> bool:
    """Whether anybody has connected."""
    return bool(select.select([server], [], [], 0)[0])


def maven_settings(home: Path, url: str) -> None:
    """Have the account whose home this is fetch Maven artifacts from there."""
    (home / ".m2").mkdir(parents=True)
    mirror = f"<mirror><id>m</id><mirrorOf>*</mirrorOf><url>{url}</url></mirror>"
    (home / ".m2/settings.xml").write_text(f"<settings><mirrors>{mirror}</mirrors></settings>")
