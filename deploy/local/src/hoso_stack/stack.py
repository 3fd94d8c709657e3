"""Starts and ends one whole stack, or the parts of it that somebody needs; the supervisor is a process of its own."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from hoso_stack import kafka, minio, postgres, stack_env
from hoso_stack.cache import check_room
from hoso_stack.jars import NothingCame, RefusedDownload
from hoso_stack.layout import DATA, Programs
from hoso_stack.minio import BuildFailed
from hoso_stack.progress import Progress
from hoso_stack.supervisor import read_status

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 60.0
KILL_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.05
ABANDON_SECONDS: Final = 5.0
ROOM_MB: Final = 300  # of a stack that has just started and carries some dossiers: 70 MB, and what is to come


class StackFailed(Exception):
    """The stack did not start or did not end; the message says which part, and where its log is."""


def provision(progress: Progress) -> Programs:
    """Fetch and build what is absent from the cache; the slow build of MinIO goes on beside the rest.

    Raises:
        StackFailed: something did not come, was not what was locked, or could not be built.
    """

    def one(module: Any) -> Path:
        tell = partial(progress.show, module.NAME)
        try:
            return module.provision(tell)
        except (NothingCame, RefusedDownload, BuildFailed) as error:
            raise StackFailed(f"{module.NAME} could not be had: {error}") from error
        finally:
            tell("")

    pool = ThreadPoolExecutor(3)
    makers = [pool.submit(one, module) for module in (kafka, postgres, minio)]
    try:
        ended, _ = wait(makers, return_when=FIRST_EXCEPTION)
        for maker in ended:
            maker.result()
        return Programs(*(maker.result() for maker in makers))
    except BaseException:
        progress.abandon()  # the first failure is told now, not when a build of minutes is through
        wait(makers, ABANDON_SECONDS)
        raise
    finally:
        pool.shutdown(wait=False)


@dataclass(slots=True)
class Stack:
    """One stack in one folder.

    Attributes:
        folder: everything of this stack; emptied at every start.
        env_file: its stack.env, there while it runs.
        only: names of parts; these and what they need are started. Empty: all.
        bound: whether it ends with this process, also when this process is killed.
        port_base: the first of its ports; None: free ones.
        brokers: of Kafka, one or three.
        wires: who is told another port for a part, and which: there somebody forwards, as a test does. One broker only.
    """

    folder: Path
    env_file: Path
    only: Sequence[str] = ()
    bound: bool = True
    port_base: int | None = None
    brokers: int = 1
    wires: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    progress: Progress = field(default_factory=Progress)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start, and return when every part is ready; returns the seconds that took.

        Raises:
            StackFailed: a part did not become ready, or a stack runs here already.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with (self.folder.parent / f".{self.folder.name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress.say(f"a stack is being started in {self.folder} already; waiting for that")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if self.running():
                raise StackFailed(f"a stack runs in {self.folder}: `make down` ends the one of `make up`")
            shutil.rmtree(self.folder, ignore_errors=True)
            check_room(self.folder.parent, ROOM_MB, "a stack")
            (self.folder / "logs").mkdir(parents=True)
            self._process = self._supervise()
            try:
                self._wait_until_ready(began)
            except BaseException:
                self.stop()
                raise
        return time.monotonic() - began

    def _supervise(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "hoso_stack", "supervise", str(self.folder), str(self.env_file)]
        command += ["--only", ",".join(self.only)] if self.only else []
        command += ["--bound-to", str(os.getpid()), *([] if self.bound else ["--until-ready"])]
        command += ["--port-base", str(self.port_base)] if self.port_base else []
        command += ["--brokers", str(self.brokers), "--wires", json.dumps(self.wires)]
        with (self.folder / "logs/supervisor.log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )  # a session of its own: Ctrl-C reaches us, and we end it in order

    def _wait_until_ready(self, began: float) -> None:
        assert self._process is not None
        waiting: list[str] = []
        while not (status := self.status()) or not status["ready"]:
            if self._process.poll() is not None:
                raise StackFailed(self._last_words())
            if time.monotonic() - began > START_SECONDS:
                raise StackFailed(
                    f"not ready after {START_SECONDS:.0f} s: {', '.join(waiting) or 'the supervisor'}; "
                    f"their logs are in {self.folder}/logs; if they are only slow (another build?), run the same again"
                )
            if status:
                waiting = [name for name, part in status["parts"].items() if part["state"] not in ("ready", "done")]
                self.progress.show("starting", f"{len(status['parts']) - len(waiting)} of {len(status['parts'])} parts")
            time.sleep(LOOK_SECONDS)
        self.progress.show("starting", "")

    def _last_words(self) -> str:
        status = self.status()
        if status and status["failed"]:
            return str(status["failed"])
        said = (self.folder / "logs/supervisor.log").read_text(errors="replace")[-2000:].strip()
        return said or f"it was ended while it started (`make down`, or a signal); its logs are in {self.folder}/logs"

    def status(self) -> dict[str, Any] | None:
        """What the supervisor last wrote; None when it is gone."""
        return read_status(self.folder)

    def running(self) -> bool:
        """Whether a supervisor lives here."""
        status = self.status()
        return bool(status) and not status["failed"]

    def env(self) -> dict[str, str]:
        """stack.env as it is now."""
        return stack_env.read(self.env_file)

    def stop(self) -> None:
        """End every part in order, wait for it and delete its data; nothing happens when nothing runs.

        A second Ctrl-C meanwhile ends it at once.

        Raises:
            StackFailed: the supervisor had to be killed.
        """
        pid = self._process.pid if self._process else (status["pid"] if (status := self.status()) else None)
        try:
            if pid is not None:
                self._end(pid)
        finally:
            clear(self.folder, self.env_file)

    def _end(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        self.progress.show("starting", "")
        self.progress.show("ending", "Ctrl-C ends it at once")
        try:
            ended = self._has_ended(STOP_SECONDS)
            self.progress.show("ending", "")
        except KeyboardInterrupt:
            self._kill(pid)
            raise
        if not ended:
            self._kill(pid)
            raise StackFailed(
                f"the stack in {self.folder} did not end within {STOP_SECONDS:.0f} s, and was killed with its parts; "
                "nothing of it runs any more"
            )
        self._process = None

    def _kill(self, pid: int) -> None:
        """Kill the supervisor: its parts die with it."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._has_ended(KILL_SECONDS)

    def _has_ended(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._process.poll() is None if self._process else self.running():
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_SECONDS)
        return True


def clear(folder: Path, env_file: Path) -> None:
    """Delete what a stack that has ended may not leave: its data and its addresses; logs and spans stay."""
    env_file.unlink(missing_ok=True)
    for name in DATA:
        shutil.rmtree(folder / name, ignore_errors=True)


@contextmanager
def running(
    folder: Path, only: Sequence[str] = (), brokers: int = 1, wires: Mapping[str, Mapping[str, int]] | None = None
) -> Generator[Stack]:
    """A stack for as long as the block lasts, in `folder`, with its stack.env there."""
    stack = Stack(folder, folder.parent / f"{folder.name}.env", only, brokers=brokers, wires=wires or {})
    provision(stack.progress)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()
