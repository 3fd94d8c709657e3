"""The local stack itself: what is killed comes back, and nothing is left when it ends, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from hoso_stack.stack import Stack, StackFailed, provision
from hoso_stack.supervisor import started_at
from support.parts import OUT
from support.waiting import until

PARTS = ("mail", "sms", "postgres", "kafka")


@pytest.fixture
def stack() -> Generator[Stack]:
    """A small stack that is not running yet."""
    OUT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=OUT, prefix="small-"))
    stack = Stack(folder, Path(f"{folder}.env"), PARTS)
    provision(stack.progress)
    yield stack
    stack.stop()
    shutil.rmtree(folder)


def family(stack: Stack) -> dict[int, int | None]:
    """The supervisor and all that descends from it: pid, and when it began, because pids are given again."""
    status = stack.status()
    assert status is not None
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = {status["pid"]}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    return {pid: started_at(pid) for pid in found}


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def gone(members: dict[int, int | None]) -> bool:
    return all(started_at(pid) != began for pid, began in members.items())


def test_a_part_that_is_killed_comes_back_with_its_data_and_stack_env_says_its_new_pid(stack: Stack) -> None:
    stack.start()
    before = stack.env()
    for part in ("PID_MAIL", "PID_POSTGRES", "PID_KAFKA"):
        os.kill(int(before[part]), signal.SIGKILL)

    def back() -> bool:
        status = stack.status()
        return bool(status) and status["ready"] and all(stack.env().get(f"PID_{p.upper()}") for p in PARTS)

    until(lambda: stack.env().get("PID_MAIL", before["PID_MAIL"]) != before["PID_MAIL"], within=60)
    until(back, within=90)
    after = stack.env()
    assert all(after[f"PID_{part.upper()}"] != before[f"PID_{part.upper()}"] for part in ("mail", "postgres", "kafka"))
    assert {name: value for name, value in after.items() if not name.startswith("PID_")} == {
        name: value for name, value in before.items() if not name.startswith("PID_")
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_supervisor_ends(stack: Stack, number: signal.Signals) -> None:
    stack.start()
    status = stack.status()
    assert status is not None
    members = family(stack)
    assert {part["pid"] for part in status["parts"].values() if part["pid"]} < members.keys()
    os.kill(status["pid"], number)
    until(lambda: gone(members), within=60)
    stack.stop()
    assert not stack.env_file.exists()


def test_the_stack_ends_when_what_started_it_is_killed(stack: Stack) -> None:
    words = (
        "import sys; from pathlib import Path; from hoso_stack.stack import Stack;"
        "Stack(Path(sys.argv[1]), Path(sys.argv[2]), ['mail']).start(); print('started', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", words, str(stack.folder), str(stack.env_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        members = family(stack)
        starter.kill()
    until(lambda: gone(members), within=30)


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack) -> None:
    stack.start()
    with pytest.raises(StackFailed, match="runs in"):
        Stack(stack.folder, stack.env_file, PARTS).start()
    assert stack.running()


def test_a_part_that_does_not_exist_is_named(stack: Stack) -> None:
    with pytest.raises(StackFailed, match="no-such-part"):
        Stack(stack.folder, stack.env_file, ["no-such-part"]).start()
