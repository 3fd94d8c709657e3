"""Ports of the local stack: free ones, or counted up from where a person wants them."""

import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from hoso_stack.ports import PortTaken, choose, wished_base


def test_without_a_base_every_name_has_a_free_port_of_its_own() -> None:
    ports = choose(["kafka", "postgres", "minio"])
    assert len(set(ports.values())) == 3


def test_a_base_is_counted_up_in_the_order_of_the_names() -> None:
    free = min(choose(["one"]).values())
    assert choose(["one"], free) == {"one": free}


def test_a_free_port_is_promised_to_one_stack_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        two = sorted(listening.getsockname()[1] for listening in (one, other))
    words = (
        "import sys; from hoso_stack import ports; ports._candidates = lambda: [int(p) for p in sys.argv[1:]];"
        "print(ports.choose(['one'])['one'], flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", words, *map(str, two)]
    chosen: list[int] = []
    with ExitStack() as both:
        for _ in range(2):  # neither listens yet
            process = both.enter_context(Popen(command, stdin=PIPE, stdout=PIPE))
            assert process.stdin is not None
            assert process.stdout is not None
            both.callback(process.stdin.close)
            chosen.append(int(process.stdout.readline()))
    assert sorted(chosen) == two


def test_a_port_that_is_in_use_is_named_with_its_part() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} for postgres is in use"):
            choose(["postgres"], port)


def test_the_demonstration_counts_beside_the_stack_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOSO_PORT_BASE", raising=False)
    assert wished_base(100) is None
    monkeypatch.setenv("HOSO_PORT_BASE", "20000")
    assert (wished_base(), wished_base(100)) == (20_000, 20_100)


@pytest.mark.parametrize("wish", ["80", "65535", "-1", "abc", "20000 "])
def test_a_base_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    monkeypatch.setenv("HOSO_PORT_BASE", wish)
    with pytest.raises(PortTaken, match="HOSO_PORT_BASE must be a number"):
        wished_base()
