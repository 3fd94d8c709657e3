"""Whether an answer or a log repeats what was sent: every text of a request that is not a word of ours."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

LEAST: Final = 6
"""Shorter texts are met by chance."""
_HEX: Final = re.compile("[0-9a-f]+")
_VARIED: Final = 4  # different characters: "000000" is in every instant
_OUR_CLIENT: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
)


def texts(value: object) -> Iterator[str]:
    """Every text in a value as it was sent, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
        yield value.decode("latin-1")
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[object, object]", value).items():
            yield from texts(name)
            yield from texts(inner)
    elif isinstance(value, Sequence):
        for inner in cast("Sequence[object]", value):
            yield from texts(inner)


def headers_sent(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers a caller chose: not those every client sends."""
    return {name: value for name, value in headers.items() if name.lower() not in _OUR_CLIENT}


@cache
def _ours() -> str:
    """Everything the code and the descriptions say themselves; generators take words from there too."""
    services = Path(__file__).parents[2] / "services"
    files = [*services.glob("*/src/**/*.py"), *services.glob("*/openapi.json")]
    return "\n".join(file.read_text("utf-8") for file in files).casefold()


@dataclass(slots=True)
class Sent:
    """What was sent, beside what a test says is known.

    Attributes:
        known: ids and codes of things that are there, in lower case: an answer about them may name them.
        all: every text so far that nobody may repeat.
    """

    known: set[str] = field(default_factory=set[str])
    all: set[str] = field(default_factory=set[str], init=False)

    def take(self, *values: object) -> set[str]:
        """Remember what is sent; return the texts of it that nobody may repeat."""
        found = {text for value in values for text in texts(value) if self._is_theirs(text)}
        self.all |= found
        return found

    def _is_theirs(self, text: str) -> bool:
        plain = text.casefold().strip()
        return len(plain) >= LEAST and len(set(plain)) >= _VARIED and plain not in self.known


def repeated(sent: set[str], told: str) -> list[str]:
    """The texts that are told, as they are or as JSON or a URL writes them, and that are not words of ours."""
    told = told.casefold()
    found = [text for text in sorted(sent) if any(_stands(form, told) for form in _forms(text))]
    return [text for text in found if not any(form in _ours() for form in _forms(text))]


def _forms(text: str) -> set[str]:
    plain = text.casefold().strip()
    escaped = {json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1]}
    return {plain, quote(plain.encode(errors="replace")).casefold(), repr(plain)[1:-1], *escaped}


def _stands(form: str, told: str) -> bool:
    """Hexadecimal digits alone are found only as a whole: clocks and ids of traces are full of them."""
    if form not in told:
        return False
    return not _HEX.fullmatch(form) or re.search(rf"(?<![0-9a-f]){form}(?![0-9a-f])", told) is not None
