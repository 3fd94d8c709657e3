"""What the documents say about the tree is so: links lead somewhere, commands exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s#]+)(?:#[^)]*)?\)")

pytestmark = pytest.mark.law


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines()]


def test_every_link_leads_to_something_that_is_there() -> None:
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents()
        for target in LINK.findall(document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert not dead


def test_every_make_target_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (document.name, name)
        for document in documents()
        for name in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", document.read_text(), re.MULTILINE)
    }
    assert {(document, name) for document, name in named if name not in targets} == set()


def test_a_dossier_is_followed_through_fewer_than_ten_files() -> None:
    readme = (ROOT / "README.md").read_text()
    journey = readme.partition("## Follow one dossier")[2].partition("\n## ")[0]
    steps = re.findall(r"^\d+\. \[([^\]]+)\]\(([^)]+)\)", journey, re.MULTILINE)
    assert 5 < len(steps) < 10
    assert all(Path(target).name == name for name, target in steps)


@pytest.mark.parametrize(
    "folder", ["contracts", "deploy/local", *(f"services/{name.name}" for name in (ROOT / "services").iterdir())]
)
def test_every_distribution_says_what_it_is_and_what_changed(folder: str) -> None:
    if not (ROOT / folder / "pyproject.toml").exists():
        return
    for name in ("README.md", "CHANGELOG.md"):
        assert len((ROOT / folder / name).read_text().splitlines()) > 3, f"{folder}/{name} says nothing"
