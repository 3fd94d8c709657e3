"""What an operator may type, what of a letter is shown, and how fast letters are acted on."""

import argparse
import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from hoso_chassis import batch, cli, dead_letters, decoding
from hoso_chassis.dead_letter_commands import moment, wanted
from hoso_chassis.dead_letter_search import dossier_of, known_type
from hoso_chassis.letter_account import REASONS
from hoso_chassis.letter_lines import read_ids
from hoso_chassis.operator_round import Told, act_on_each, positive
from hoso_chassis.pace import Pace
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings


def options(*arguments: str) -> argparse.Namespace:
    service = Service("dossier", "0", ServiceSettings, lambda _: cast("Parts[None]", None), ())
    return cli._parser(service).parse_args(arguments)


@pytest.mark.parametrize(("text", "ago"), [("90m", 90), ("6h", 360), ("2d", 2880)])
def test_a_moment_may_be_so_long_ago(text: str, ago: int) -> None:
    assert abs(datetime.now(UTC) - timedelta(minutes=ago) - moment(text)) < timedelta(seconds=5)


def test_a_moment_may_be_an_instant_with_its_offset() -> None:
    assert moment("2026-11-25T03:00+07:00") == datetime(2026, 11, 24, 20, tzinfo=UTC)
    assert moment("2026-11-25T03:00:00Z") == datetime(2026, 11, 25, 3, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "m", "2026-11-25", "2026-11-25T03:00", "9999999999d", "-1h", "yesterday", "²h"])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        moment(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "1000001", "²", "nan"])
def test_a_number_is_whole_and_above_nothing(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)


def test_filters_are_what_was_asked_for() -> None:
    dossier = uuid4()
    asked = wanted(options("dead-letters", "list", "--dossier", str(dossier), "--reason", "a", "--reason", "b"))
    assert (asked.reasons, asked.types, asked.since) == (["a", "b"], None, None)
    assert asked.keys == [str(dossier).encode(), str(dossier).upper().encode()]
    assert wanted(options("dead-letters", "list")).keys is None
    assert wanted(options("dead-letters", "list", "--key", "", "--dossier", str(dossier))).keys == []


def test_a_key_is_shown_only_when_it_is_a_uuid_and_nothing_else() -> None:
    dossier = uuid4()
    assert dossier_of(str(dossier).upper().encode()) == dossier
    others = (
        None,
        b"",
        b"\xff",
        dossier.hex.encode(),
        f"{{{dossier}}}".encode(),
        dossier.urn.encode(),
        b"\xc2\xb2" * 18,
    )
    assert [dossier_of(key) for key in others] == [None] * len(others)


def test_a_type_is_shown_only_when_it_is_one_of_ours_in_some_major_version() -> None:
    assert known_type("hoso.identity.verified.v2") == "hoso.identity.verified.v2"
    others = (None, "", "hoso.identity.verified.v003204001239", "hoso.identity.verified.vAn", "hoso.tran-thi-yen.v1")
    assert [known_type(text) for text in others] == [None] * len(others)


def test_every_reason_has_its_words() -> None:
    assert set(decoding._REASONS.values()) < set(REASONS)
    assert set(REASONS) > dead_letters._BEHIND_INBOX
    source = inspect.getsource(batch) + inspect.getsource(decoding)
    assert all(f'"{reason}"' in source for reason in REASONS)


def test_a_list_says_each_letter_once_in_its_order(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text('{"id": "b", "more": 1}\n\n{"id": "a"}\r\n{"id": "b"}\n')
    assert read_ids(str(file), 2) == ["b", "a"]


def test_a_list_that_is_not_there_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_ids(str(tmp_path / "none"), 1)
    assert (ended.value.code, capsys.readouterr().err) == (
        2,
        "the list cannot be read (FileNotFoundError); nothing was done\n",
    )


async def test_the_rate_is_kept_and_what_was_slow_itself_is_not_made_up_for(capsys: pytest.CaptureFixture[str]) -> None:
    now, begun, slow = [100.0], list[float](), {3: 5.0}

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def act(item: int) -> Told:
        begun.append(now[0])
        now[0] += slow.get(item, 0.01)
        return Told("done", f"{item} done")

    pace = Pace(4.0, lambda: now[0], sleep)
    counts = await act_on_each(range(6), act, pace, "letters", dry=False)
    assert begun == pytest.approx([100.0, 100.25, 100.5, 100.75, 105.75, 106.0])
    assert counts == {"done": 6}
    assert capsys.readouterr().out.splitlines()[-1] == "letters: 6: 6 done"
