"""What a run of faults leaves behind for whoever looks into it."""

import json
from pathlib import Path

import pytest

from support import verdict
from support.hits import KILL, Hit
from support.verdict import Verdict

HIT = Hit("kafka", KILL, "a record", 1.0, 3.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(verdict, "ROOT", tmp_path)
    return tmp_path / "out/faults"


def test_a_run_that_broke_off_leaves_its_seed_its_hits_and_why_but_no_counts(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "one.json").write_text("of an earlier run")
    judged = Verdict("one")
    with pytest.raises(AssertionError), judged.written([HIT], 7):
        raise AssertionError("never came back")
    words = (folder / "one.txt").read_text().splitlines()
    assert words[0] == "seed 7"
    assert words[1].startswith("kafka: kill -9, 2.0 s away")
    assert words[-1] == "not counted to the end: AssertionError: never came back"
    assert not judged.holds()
    assert not (folder / "one.json").exists()


def test_a_run_that_was_counted_leaves_both(folder: Path) -> None:
    with Verdict("one").written([HIT], 7):
        pass
    assert json.loads((folder / "one.json").read_text())["trials"] == 1
    assert (folder / "one.txt").read_text().startswith("seed 7\nkafka")
