"""What an unlucky machine does to the local stack: each ends in words that say what happened, where, and what to do."""

import http.server
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from hoso_stack import ports, stack_env
from hoso_stack.layout import PORTS
from hoso_stack.probes import accepts
from hoso_stack.supervisor import Part, PartFailed, Supervisor, started_at
from support.disks import mounted
from support.form import LONG
from support.matrices import Covers
from support.stack_runs import (
    command,
    in_one_line,
    maven_settings,
    nothing_runs_in,
    part_of_the_cache,
    run,
    swept,
)
from support.waiting import until

MATRIX: Final = "stack, stages x mishaps"
PARTS: Final = ("mail", "sms")
NOWHERE: Final = "http://127.0.0.1:9"  # the discard port, where nobody listens
PROXIES: Final[list[str]] = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "GOPROXY"]
OFFLINE: Final[dict[str, str]] = dict.fromkeys(PROXIES, NOWHERE)


@pytest.fixture
def out(tmp_path: Path) -> Generator[Path]:
    """What stands for the checkout's out/."""
    with swept(tmp_path / "out") as folder:
        yield folder


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Generator[Path]:
    """A disk of so many megabytes; skips the test where it cannot be had."""
    with mounted(folder, megabytes) as disk:
        if disk is None:
            pytest.skip("this machine lets this account mount no disk")
        yield folder


@contextmanager
def maven_repository(answer: bytes) -> Generator[str]:
    """A repository that answers every question in the same way; its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/maven"
        server.shutdown()
        thread.join()


def test_a_jar_that_is_not_the_locked_one_is_refused_and_nothing_of_it_is_kept(
    tmp_path: Path, out: Path, covers: Covers
) -> None:
    covers(MATRIX, "jar fetch", "corrupted download")
    cache = part_of_the_cache(tmp_path / "cache", "kafka-jars")
    with maven_repository(b"not the jar") as url:
        maven_settings(tmp_path / "home", url)
        environment = {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path / "home"), **dict.fromkeys(OFFLINE, "")}
        code, _, said = run(out, "demo", environment=environment)
    words = in_one_line(said)
    assert code == 1
    assert "Apache Kafka could not be had: " in words
    assert "came with 11 bytes and SHA-256 " in words
    assert "thrown away" in words
    assert not list((cache / "hoso").glob("*kafka-jars*"))


@pytest.mark.parametrize(("absent", "says"), [("kafka-jars", "no network, or a Maven rep"), ("minio", "Go said")])
def test_without_a_network_the_first_run_names_what_could_not_be_fetched(
    tmp_path: Path, out: Path, absent: str, says: str, covers: Covers
) -> None:
    covers(MATRIX, f"{absent} fetch", "no network")
    cache = part_of_the_cache(tmp_path / "cache", absent)
    maven_settings(tmp_path / "home", f"{NOWHERE}/maven")
    environment = {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path / "home"), **OFFLINE}
    code, _, said = run(out, "demo", environment=environment)
    assert code == 1
    assert says in in_one_line(said)
    assert len(said) < 1500
    nothing_runs_in(cache, out)
    assert not [
        path for path in (cache / "hoso").iterdir() if path.name.startswith(("making-", f"{absent}-")) and path.is_dir()
    ]


def test_the_second_run_needs_no_network_and_hears_nothing_of_a_proxy(out: Path, covers: Covers) -> None:
    covers(MATRIX, "start-up", "no network")
    odd = {"PGSSLMODE": "require", "JAVA_TOOL_OPTIONS": "-Xnonsense", "DATABASE_URL": "nonsense", "COLUMNS": "40"}
    assert run(out, "up", only=("kafka", "postgres"), environment={**OFFLINE, **odd})[0] == 0
    code, shown, _ = run(out, "sql", "dossier", "SELECT 7 AS seven", environment=odd)
    assert (code, shown) == (0, "seven=7\n")
    assert run(out, "down")[0] == 0


@pytest.mark.timeout(400)
def test_the_demonstration_holds_without_a_network(out: Path, covers: Covers) -> None:
    covers(MATRIX, "story", "no network")
    if not LONG:
        pytest.skip("a whole stack, in the long form")
    assert run(out, "demo", environment=OFFLINE, within=180)[0] == 0


def test_a_port_that_is_taken_is_named_with_its_part(out: Path, covers: Covers) -> None:
    covers(MATRIX, "start-up", "port taken")
    base = 21_000
    while any(ports.in_use(base + number) for number in range(len(PORTS))):
        base += 100
    with socket.create_server(("127.0.0.1", base + PORTS.index("smtp"))) as taken:
        port = taken.getsockname()[1]
        code, _, said = run(out, "up", only=PARTS, environment={"HOSO_PORT_BASE": str(base)})
    assert code == 1
    assert f"port {port} for smtp is in use; stop what uses it" in in_one_line(said)
    nothing_runs_in(out)


async def test_a_port_that_is_stolen_between_choice_and_start_is_named(tmp_path: Path, covers: Covers) -> None:
    covers(MATRIX, "start-up", "port stolen")
    with socket.create_server(("127.0.0.1", 0)) as thief:
        port = thief.getsockname()[1]
        part = Part("mail", ["/bin/sleep", "60"], ready=accepts(port), ports=(port,))
        with pytest.raises(PartFailed, match=f"mail did not become ready; port {port} of it is in use by something"):
            await Supervisor(tmp_path, [part]).run()


def test_two_starts_at_once_in_one_checkout_give_one_stack(out: Path, covers: Covers) -> None:
    covers(MATRIX, "up", "twice at once")
    with command(out, "up", only=PARTS) as first, command(out, "up", only=PARTS) as second:
        ends = [first.ended(), second.ended()]
    assert sorted(code for code, _, _ in ends) in ([0, 0], [0, 1])
    for code, _, said in ends:
        assert "Traceback" not in said
        assert code == 0 or "runs in" in in_one_line(said)
    code, _, said = run(out, "up", only=PARTS)
    assert (code, "runs already" in said) == (0, True)
    assert run(out, "down")[0] == 0
    nothing_runs_in(out)


def test_two_checkouts_at_once_share_the_cache_and_no_port(tmp_path: Path, covers: Covers) -> None:
    covers(MATRIX, "up", "two checkouts")
    with swept(tmp_path / "Hồ sơ, một") as one, swept(tmp_path / "two") as two:
        with command(one, "up", only=PARTS) as first, command(two, "up", only=PARTS) as second:
            assert [first.ended()[0], second.ended()[0]] == [0, 0]
        seen = [stack_env.read(folder / "stack.env") for folder in (one, two)]
        used = [{v for n, v in env.items() if n.endswith(("_PORT", "_URL", "SERVERS", "ENDPOINT"))} for env in seen]
        assert used[0].isdisjoint(used[1])
        assert run(one, "down")[0] == 0
        assert run(two, "status")[0] == 0
        assert run(two, "down")[0] == 0


def test_what_a_crashed_machine_left_is_believed_by_nobody(out: Path, covers: Covers) -> None:
    covers(MATRIX, "status", "crash, pid given again")
    assert run(out, "up", only=PARTS)[0] == 0
    file = out / "stack/status.json"
    status = json.loads(file.read_text())
    os.kill(status["pid"], signal.SIGKILL)
    nothing_runs_in(out)
    file.write_text(json.dumps(status | {"pid": os.getpid()}))  # a stranger's, which `down` must not end
    code, _, said = run(out, "status")
    assert code == 1
    assert "is of one that was killed: believe no pid in it" in in_one_line(said)
    assert run(out, "down")[0] == 0
    assert not (out / "stack.env").exists()


def test_a_disk_that_is_too_small_is_named_before_anything_is_begun(tmp_path: Path, out: Path, covers: Covers) -> None:
    covers(MATRIX, "MinIO build", "disk nearly full")
    covers(MATRIX, "start-up", "disk nearly full")
    with small_disk(tmp_path / "disk", 100) as disk:
        cache = part_of_the_cache(disk / "cache", "minio")
        code, _, said = run(out, "demo", environment={"XDG_CACHE_HOME": str(cache), **OFFLINE})
        assert code == 1
        assert f"building MinIO needs 2400 MB below {cache}/hoso, and its disk has " in in_one_line(said)
        code, _, said = run(disk / "out", "demo", only=PARTS)
        assert code == 1
        assert f"a stack needs 300 MB below {disk}/out/demo, and its disk has " in in_one_line(said)
        assert list((disk / "out").rglob("*.env")) == []


def test_a_disk_that_fills_up_under_a_running_stack_is_named_by_status(tmp_path: Path, covers: Covers) -> None:
    covers(MATRIX, "running", "disk full")
    with small_disk(tmp_path / "disk", 500) as disk, swept(disk / "out") as out:
        assert run(out, "up", only=PARTS)[0] == 0
        with (disk / "filling").open("wb") as filling, suppress(OSError):
            while True:
                filling.write(bytes(1_000_000))
                filling.flush()
        before = stack_env.read(out / "stack.env")
        os.kill(int(before["PID_MAIL"]), signal.SIGKILL)
        log = out / "stack/logs/supervisor.log"
        until(lambda: started_at(int(before["PID_MAIL"])), within=30, is_=lambda began: began is None)
        _, shown, said = run(out, "status")
        assert "MB free, too few for Kafka and PostgreSQL" in shown, (shown, said, log.read_text())
        (disk / "filling").unlink()
        os.kill(int(before["PID_SMS"]), signal.SIGKILL)  # the next change is written down again
        until(lambda: stack_env.read(out / "stack.env").get("PID_SMS"), within=60, is_=_other(before, "PID_SMS"))
        assert stack_env.read(out / "stack.env")["PID_MAIL"] != before["PID_MAIL"]
        assert run(out, "down")[0] == 0
        nothing_runs_in(out)


def _other(before: Mapping[str, str], name: str) -> Callable[[str | None], bool]:
    return lambda now: now not in (None, before[name])
