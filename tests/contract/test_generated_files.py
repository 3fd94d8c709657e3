"""What tools/generate.py writes is what is committed; it refuses what is wrong and leaves no half of its work."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.contract_files import HOME, PACKAGE

TOPIC = "src/hoso_contracts/topics/dossier.lifecycle.v1.yaml"
SCHEMA = "src/hoso_contracts/schemas/hoso.dossier.accepted.v1.json"
TOPICS_JSON = "src/hoso_contracts/topics.json"
MODELS = "src/hoso_contracts/dossier.py"


def generate(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(home / "tools" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def contents(home: Path) -> dict[Path, bytes]:
    return {file.relative_to(home): file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the distribution that a test may spoil."""
    return shutil.copytree(HOME, tmp_path / "contracts", ignore=shutil.ignore_patterns("__pycache__"))


def test_everything_generated_is_as_it_would_be_written_now() -> None:
    checked = generate(HOME, "--check")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout + checked.stderr


def test_writing_again_changes_nothing(copy: Path) -> None:
    before = contents(copy)
    assert generate(copy).returncode == 0
    assert contents(copy) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "differs"),
    [
        (TOPIC, "partitions: 12", "partitions: 13", TOPICS_JSON),
        (TOPICS_JSON, '"partitions": 12', '"partitions": 13', TOPICS_JSON),
        (MODELS, "Code of the agency", "The code of the agency", SCHEMA),
        (MODELS, "An officer accepted", "Somebody accepted", "README.md"),
        (SCHEMA, "2020-12", "2019-09", SCHEMA),
        ("README.md", "| 30 days |", "| 31 days |", "README.md"),
    ],
)
def test_a_difference_is_told_and_then_mended(copy: Path, file: str, old: str, new: str, differs: str) -> None:
    change(copy / file, old, new)
    before = contents(copy)
    checked = generate(copy, "--check")
    assert checked.returncode == 1
    assert f"differs: {differs}\n" in checked.stdout
    assert contents(copy) == before
    assert generate(copy).returncode == 0
    assert generate(copy, "--check").returncode == 0


@pytest.mark.parametrize("stray", ["hoso.dossier.archived.v1.json", "notes.txt"])
def test_a_schema_of_no_type_is_told_and_removed(copy: Path, stray: str) -> None:
    file = copy / "src/hoso_contracts/schemas" / stray
    file.write_text("{}")
    assert generate(copy, "--check").returncode == 1
    assert generate(copy).returncode == 0
    assert not file.exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("retention_ms:", "retention_mS:"),
        ("retention_ms:", "compatibility_mode: none\nretention_ms:"),
        ("partitions: 12", 'partitions: "12"'),
        ("partitions: 12", "partitions: 12\npartitions: 24"),
        ("cleanup_policy: delete", "cleanup_policy: shred"),
        ("name: dossier.lifecycle.v1", "name: Dossier_Lifecycle"),
        ("consumers: [agencies, storage, load]", "consumers: []"),
        ("  - hoso.dossier.accepted.v1", "  - hoso.dossier.excepted.v1"),
    ],
)
def test_a_wrong_topic_is_refused_and_nothing_is_written(copy: Path, old: str, new: str) -> None:
    change(copy / TOPIC, old, new)
    readable = (copy / TOPICS_JSON).read_bytes()
    refused = generate(copy)
    assert refused.returncode == 1
    assert refused.stderr
    assert generate(copy, "--check").returncode == 1
    assert (copy / TOPICS_JSON).read_bytes() == readable


def test_a_broken_topics_json_is_written_anew(copy: Path) -> None:
    (copy / TOPICS_JSON).write_text("<<<<<<< ours\n")
    assert generate(copy, "--check").returncode == 1
    assert generate(copy).returncode == 0
    assert contents(copy) == {name: data for name, data in contents(HOME).items() if "__pycache__" not in name.parts}


def test_a_readme_without_its_markers_is_refused(copy: Path) -> None:
    change(copy / "README.md", "<!-- end of topics -->", "")
    assert "markers" in generate(copy).stderr


def test_a_copy_is_judged_by_its_own_files(copy: Path) -> None:
    shutil.rmtree(copy / PACKAGE.relative_to(HOME) / "schemas")
    assert "written: " + SCHEMA in generate(copy).stdout
