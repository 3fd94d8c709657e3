"""What people read in Vietnamese calls one thing by one word, in every service and in every text."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# What must not be said, and what is said instead.
OTHERWISE = {
    r"\bbạn\b": "Ông/Bà",
    r"\btệp\b": "tập tin",
    r"\bhãy\b": "xin",
    r"\d[KMG]B\b": "a space before the unit",
    r"kiểm tra an toàn": "quét mã độc",
    r"nộp thành công": "đã được nộp",
}

pytestmark = pytest.mark.law


def said() -> Iterator[tuple[Path, str]]:
    """Every string of the services' code, every text of notify and every name in the catalogue."""
    for folder in (ROOT / "services").glob("*/src"):
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield file, node.value
        for file in (*folder.rglob("templates/**/*.txt"), *folder.rglob("procedures/*.json")):
            yield file, file.read_text("utf-8")


def test_there_is_something_to_read() -> None:
    texts = [text for _, text in said()]
    assert any("Ông/Bà" in text for text in texts)
    assert any("tập tin" in text for text in texts)


@pytest.mark.parametrize("word", OTHERWISE, ids=OTHERWISE.values())
def test_nobody_reads_another_word_for_the_same_thing(word: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}: {text[:80]!r}" for file, text in said() if re.search(word, text, re.IGNORECASE)
    ]
    assert not found, f"say {OTHERWISE[word]}"
