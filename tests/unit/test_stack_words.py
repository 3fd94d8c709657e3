"""What a command of the local stack says where there is nothing to be done, and of what the system refuses."""

import errno
from pathlib import Path
from typing import Final

import pytest

from hoso_stack import __main__, commands
from support.matrices import Covers

MATRIX: Final = "stack, stages x mishaps"
NONE: Final = "no stack runs here; `make up` starts it"


@pytest.fixture(autouse=True)
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the checkout's out/; nothing has run there."""
    monkeypatch.setattr(commands, "OUT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["status"], NONE),
        (["token", "--person", "1"], NONE),
        (["sql", "dossier", "SELECT 1"], NONE),
        (["logs"], "nothing was logged in"),
        (["token", "--person", "x"], "there are people 0 to 98699999"),
        (["token", "--sub", "x", "--role", "king"], "invalid choice: 'king'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",  # pyright: ignore[reportUnknownArgumentType]
)
def test_without_a_stack_a_command_says_so(words: list[str], says: str, covers: Covers) -> None:
    covers(MATRIX, words[0], "no stack")
    with pytest.raises(commands.FAILURES) as raised:
        commands.run(words)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_down_without_a_stack_is_no_failure(capsys: pytest.CaptureFixture[str], covers: Covers) -> None:
    covers(MATRIX, "down", "no stack")
    commands.run(["down"])
    assert capsys.readouterr().err == "[hoso] no stack runs here\n"


def test_a_log_that_is_not_there_is_said_with_those_that_are(out: Path) -> None:
    (out / "stack/logs").mkdir(parents=True)
    (out / "stack/logs/kafka.log").touch()
    with pytest.raises(commands.FAILURES, match=r"kafak has no log in .*; there are kafka"):
        commands.run(["logs", "kafak"])


def test_the_logs_of_a_stack_that_has_ended_are_shown_and_not_followed(
    out: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (out / "stack/logs").mkdir(parents=True)
    (out / "stack/logs/kafka.log").write_text("its last words\n")
    commands.run(["logs"])
    shown = capfd.readouterr()
    assert "its last words" in shown.out
    assert "of a stack that has ended" in shown.err


@pytest.mark.parametrize(
    ("number", "way"),
    [
        (errno.ENOSPC, "delete something on that disk"),
        (errno.EACCES, "if another account"),
        (errno.EROFS, "set XDG_CACHE_HOME"),
    ],
)
def test_what_the_system_refuses_is_said_with_the_place_and_the_way_out(number: int, way: str) -> None:
    words = __main__.in_words(OSError(number, "what it says", "/the/place"))
    assert words.startswith("what it says: /the/place; ")
    assert way in words
