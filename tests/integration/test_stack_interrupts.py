"""Ctrl-C, SIGTERM, SIGHUP and kill -9 at every stage of a command: nothing runs on, nothing half-made is left."""

import os
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Final

import pytest

from hoso_stack import stack_env
from hoso_stack.cache import whole
from hoso_stack.layout import DATA
from hoso_stack.supervisor import started_at
from support.form import LONG, sized
from support.matrices import Covers
from support.stack_runs import (
    Command,
    command,
    in_one_line,
    maven_settings,
    nothing_runs_in,
    part_of_the_cache,
    run,
    silent_server,
    swept,
    was_called,
)
from support.waiting import until

MATRIX: Final = "stack, stages x mishaps"
WAYS: Final = ("Ctrl-C", "Ctrl-C twice", "SIGTERM", "SIGHUP", "kill -9")
# Stages of the demonstration: what must be absent from the cache, and the part whose state tells the stage.
FETCHING: Final = {"jar fetch": "kafka-jars", "PostgreSQL unpack": "postgres-21", "MinIO build": "minio"}
STARTING: Final = {
    "initdb": ("postgres-data", "starting"),
    "Kafka format": ("kafka-data", "starting"),
    "start-up": ("postgres", "ready"),
}
SHORT: Final = {
    ("jar fetch", "Ctrl-C"), ("jar fetch", "kill -9"), ("MinIO build", "Ctrl-C twice"), ("MinIO build", "SIGTERM"),
    ("PostgreSQL unpack", "SIGHUP"), ("initdb", "SIGTERM"), ("Kafka format", "Ctrl-C"), ("start-up", "kill -9"),
    ("start-up", "Ctrl-C twice"),
}  # fmt: skip
CELLS: Final = [(stage, way) for stage in (*FETCHING, *STARTING) for way in WAYS]
PARTS: Final = ("kafka", "postgres", "mail")


@pytest.fixture
def out(tmp_path: Path) -> Generator[Path]:
    """What stands for the checkout's out/."""
    with swept(tmp_path / "out") as folder:
        yield folder


def interrupt(under_way: Command, way: str) -> None:
    """Do it as a terminal, a service manager or an impatient person does."""
    if way.startswith("Ctrl-C"):
        under_way.send(signal.SIGINT, group=True)
    if way == "Ctrl-C twice":
        under_way.send(signal.SIGINT, group=True)
    if way in ("SIGTERM", "SIGHUP"):
        under_way.send(signal.Signals[way])
    if way == "kill -9":
        under_way.send(signal.SIGKILL)


def check_the_end(under_way: Command, way: str) -> None:
    """Its status is not 0, its words are one line, and it left nothing of a stack."""
    code, _, said = under_way.ended()
    if way == "kill -9":
        assert code == -signal.SIGKILL
    else:
        assert code == 128 + signal.SIGINT, said
        assert in_one_line(said).startswith("interrupted")
    nothing_runs_in(under_way.folder)
    assert not list(under_way.folder.rglob("stack.env"))
    assert not [path for name in DATA for path in under_way.folder.glob(f"*/stack/{name}")]


@contextmanager
def nothing_to_be_had(folder: Path, absent: str) -> Generator[tuple[Mapping[str, str], socket]]:
    """The environment of an account that lacks one entry of the cache, and the server that answers nothing."""
    with silent_server() as server:
        port = server.getsockname()[1]
        maven_settings(folder / "home", f"http://127.0.0.1:{port}/maven")
        cache = part_of_the_cache(folder / "cache", absent)
        told = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(cache), "GOPROXY": f"http://127.0.0.1:{port}"}
        yield told, server


@pytest.mark.parametrize(("stage", "way"), [c for c in CELLS if c[0] in FETCHING and sized(c in SHORT, True)])
def test_an_interrupted_fetch_or_build_leaves_no_entry(
    tmp_path: Path, out: Path, stage: str, way: str, covers: Covers
) -> None:
    covers(MATRIX, stage, way)
    with nothing_to_be_had(tmp_path, FETCHING[stage]) as (environment, server):
        cache = tmp_path / "cache/hoso"
        with command(out, "demo", environment=environment) as under_way:
            unpacking = stage == "PostgreSQL unpack"
            until(lambda: list(cache.glob("making-*/bin")) if unpacking else was_called(server), within=60)
            interrupt(under_way, way)
            check_the_end(under_way, way)
        nothing_runs_in(cache)
        entries = [path for path in cache.glob(f"{FETCHING[stage]}*") if path.is_dir()]
        assert all(whole(path) for path in entries)  # what was whole before the signal came may stay
        assert way == "kill -9" or not list(cache.glob("making-*"))
    # The next run, with a network: the PostgreSQL of this cache is unpacked; the other two would take minutes.
    if stage == "PostgreSQL unpack":
        assert run(out, "provision", environment=environment)[0] == 0


@pytest.mark.parametrize(("stage", "way"), [c for c in CELLS if c[0] in STARTING and sized(c in SHORT, True)])
def test_an_interrupted_start_leaves_no_process_and_no_data(out: Path, stage: str, way: str, covers: Covers) -> None:
    covers(MATRIX, stage, way)
    name, state = STARTING[stage]
    with command(out, "demo", only=PARTS) as under_way:
        until(lambda: under_way.part("demo/stack", name), within=60, is_=state)
        interrupt(under_way, way)
        check_the_end(under_way, way)


@pytest.mark.parametrize("way", sized(("Ctrl-C", "kill -9"), WAYS))
def test_a_stack_that_is_kept_ends_with_who_starts_it_until_it_is_ready(out: Path, way: str, covers: Covers) -> None:
    covers(MATRIX, "up, starting", way)
    with command(out, "up", only=PARTS) as under_way:
        until(lambda: under_way.part("stack", "kafka"), within=60, is_="starting")
        interrupt(under_way, way)
        check_the_end(under_way, way)
    assert run(out, "status")[0] == 1


def test_a_kept_stack_outlives_who_started_it_and_down_can_be_interrupted(out: Path, covers: Covers) -> None:
    covers(MATRIX, "down", "Ctrl-C twice")
    assert run(out, "up", only=PARTS)[0] == 0
    code, shown, said = run(out, "status")
    assert code == 0, shown + said
    assert "postgres" in shown
    pids = stack_env.read(out / "stack.env")
    mail, kafka = int(pids["PID_MAIL"]), int(pids["PID_KAFKA"])
    os.kill(kafka, signal.SIGSTOP)  # it will not end by itself, so that down has something to wait for
    with command(out, "down") as under_way:
        until(lambda: started_at(mail), within=30, is_=lambda began: began is None)
        interrupt(under_way, "Ctrl-C twice")
        check_the_end(under_way, "Ctrl-C twice")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupted_story_leaves_nothing(out: Path, way: str, covers: Covers) -> None:
    covers(MATRIX, "story", way)
    if not LONG:
        pytest.skip("a whole stack for each, in the long form")
    with command(out, "demo") as under_way:
        spans = out / "demo/stack/spans/dossier-api.jsonl"
        until(lambda: spans.exists() and b"/v1/drafts" in spans.read_bytes(), within=170)
        interrupt(under_way, way)
        check_the_end(under_way, way)
