"""Making `.venv` on a machine that lacks something: it says what, and what to do, before it begins."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from support.matrices import Covers
from support.waiting import until

MATRIX: Final = "stack, stages x mishaps"
LOCAL: Final = Path(__file__).parents[2] / "deploy/local"
# Runs bootstrap.py on a machine that is another in one respect.
ELSEWHERE: Final = """
import os, runpy, sys
from types import SimpleNamespace
sys.path.insert(0, {folder!r})
{change}
sys.argv = ["bootstrap.py"]
runpy.run_path({folder!r} + "/bootstrap.py", run_name="__main__")
"""
MACHINES: Final = {
    "macOS": (
        "os.uname = lambda: SimpleNamespace(sysname='Darwin', machine='arm64')",
        "runs on Linux on x86-64 only, and this is Darwin on arm64",
    ),
    "musl": ("os.confstr = lambda name: None", "needs a Linux with glibc"),
    "Python 3.10": (
        "sys.version_info = (3, 10, 13); sys.version = '3.10.13 (main)'",
        "Python 3.11 or newer is needed, and {python} is Python 3.10.13: ",
    ),
    "no venv": ("sys.modules['venv'] = None", "without the module venv"),
    "no ensurepip": ("sys.modules['ensurepip'] = None", "apt install python3-venv"),
    "no home": (
        """from pathlib import Path; os.environ['XDG_CACHE_HOME'] = 'relative'; del os.environ['HOME']
def home(): raise RuntimeError
Path.home = home""",
        "set XDG_CACHE_HOME to a folder",
    ),
    "colon": ("os.environ['XDG_CACHE_HOME'] = '/tmp/a:b'", "may have a colon in its name"),
}


def bootstrap(folder: Path, change: str, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    script = ELSEWHERE.format(folder=str(folder), change=change)
    return subprocess.Popen(
        [sys.executable, "-B", "-c", script],
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_that_cannot_is_told_so_in_one_line(tmp_path: Path, machine: str, covers: Covers) -> None:
    covers(MATRIX, "bootstrap", machine)
    change, says = MACHINES[machine]
    with bootstrap(LOCAL, change, {"XDG_CACHE_HOME": str(tmp_path)}) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith("[hoso] ")
    assert len(said.splitlines()) == 1
    assert says.format(python=sys.executable) in said
    assert list(tmp_path.iterdir()) == []


def test_an_old_python_can_read_what_tells_it_that_it_is_old() -> None:
    ast.parse((LOCAL / "bootstrap.py").read_text(), feature_version=(3, 6))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing of its own, and a cache whose uv does as the test wants: `$UV_DOES`."""
    folder = tmp_path / "checkout/deploy/local"
    (folder / "src/hoso_stack").mkdir(parents=True)
    for name in ("bootstrap.py", "environment.py", "src/hoso_stack/launch.py"):
        (folder / name).write_text((LOCAL / name).read_text())
    requirements = tmp_path / "checkout/requirements"
    requirements.mkdir()
    for name in ("bootstrap.txt", "dev.txt"):
        (requirements / name).touch()
    words = f"import sys; sys.path.insert(0, {str(folder)!r}); import environment as e; print(e.digest(b'')[:12])"
    name = subprocess.run([sys.executable, "-Bc", words], capture_output=True, text=True, check=True).stdout.strip()
    uv = tmp_path / f"cache/hoso/uv-{name}/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\neval "$UV_DOES"\n')
    uv.chmod(0o755)
    (uv.parent / "python3").symlink_to(sys.executable)
    return tmp_path / "checkout"


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM", "SIGHUP", "kill -9"])
def test_an_interrupted_making_ends_what_it_started_and_leaves_no_stamp(
    checkout: Path, way: str, covers: Covers
) -> None:
    covers(MATRIX, "bootstrap", way)
    pid_file = checkout / "uv.pid"
    environment = {
        "XDG_CACHE_HOME": str(checkout.parent / "cache"),
        "UV_DOES": f"echo $$ >'{pid_file}'; exec sleep 100",
    }
    number = {"Ctrl-C": signal.SIGINT, "kill -9": signal.SIGKILL}.get(way) or signal.Signals[way]
    with bootstrap(checkout / "deploy/local", "", environment) as process:
        pid = int(until(lambda: pid_file.exists() and pid_file.read_text().strip(), within=30) or 0)
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=30)
    until(lambda: not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text(), within=10)
    assert not (checkout / ".venv/hoso-stamp.json").exists()
    if way == "kill -9":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert said.splitlines()[-1].startswith("[hoso] interrupted while making .venv; run it again")
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("mishap", "does"),
    [("corrupted download", "echo Hash mismatch for x >&2; exit 2"), ("no network", "echo dns error >&2; exit 2")],
)
def test_a_wheel_that_did_not_come_or_is_not_the_pinned_one_is_said_with_the_way_out(
    checkout: Path, mishap: str, does: str, covers: Covers
) -> None:
    covers(MATRIX, "bootstrap", mishap)
    environment = {"XDG_CACHE_HOME": str(checkout.parent / "cache"), "UV_DOES": does}
    with bootstrap(checkout / "deploy/local", "", environment) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("[hoso] making .venv failed; the words above say why.")
    assert not (checkout / ".venv/hoso-stamp.json").exists()


def test_a_disk_without_room_is_named_before_anything_is_fetched(checkout: Path, covers: Covers) -> None:
    covers(MATRIX, "bootstrap", "disk nearly full")
    change = "import shutil; shutil.disk_usage = lambda folder: SimpleNamespace(free=5_000_000)"
    with bootstrap(checkout / "deploy/local", change, {"XDG_CACHE_HOME": str(checkout.parent / "cache")}) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert (
        f"[hoso] the disk of {checkout} has 5 MB free, and .venv with what is kept for it takes up to 2200 MB" in said
    )


def test_a_cache_that_cannot_be_written_is_named(checkout: Path, covers: Covers) -> None:
    covers(MATRIX, "bootstrap", "read-only home")
    (checkout.parent / "file").touch()
    with bootstrap(checkout / "deploy/local", "", {"XDG_CACHE_HOME": str(checkout.parent / "file")}) as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert f"{checkout.parent}/file" in said
    assert "set XDG_CACHE_HOME to a folder that can be written" in said
    assert "Traceback" not in said
