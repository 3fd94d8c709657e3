"""Searches for somebody's data wherever it must not be, in every way it may be written; it knows no place itself."""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

_PLAIN: Final = str.maketrans("đĐ", "dD")


def spellings(text: str) -> set[str]:
    """Composed, decomposed and without accents; each as it is and as JSON, a URL and Python's bytes escape it."""
    decomposed = unicodedata.normalize("NFD", text.translate(_PLAIN))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    forms = {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text), plain}
    escaped = {json.dumps(form)[1:-1] for form in forms} | {quote(form) for form in forms}
    return forms | escaped | {repr(form.encode())[2:-1] for form in forms}


def phone_spellings(phone: str) -> set[str]:
    """A mobile number as people and networks write it: with 0, with 84, with +84."""
    return {phone, f"84{phone[1:]}", f"+84{phone[1:]}"}


def date_spellings(day: str) -> set[str]:
    """A day given as yyyy-mm-dd, also as people write it."""
    year, month, date = day.split("-")
    return {day, f"{date}/{month}/{year}", f"{date}-{month}-{year}", f"{date}.{month}.{year}", f"{year}{month}{date}"}


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for things by name, each in all its spellings, whatever the case."""

    things: Mapping[str, Iterable[str]]
    _patterns: dict[str, re.Pattern[str]] = field(default_factory=dict[str, re.Pattern[str]], init=False)

    def __post_init__(self) -> None:
        for name, forms in self.things.items():
            assert all(len(form) >= 8 for form in forms), f"{name} is too short to be told from chance"
            self._patterns[name] = re.compile("|".join(map(_pattern, sorted(forms))), re.IGNORECASE)

    def found(self, data: str | bytes) -> set[str]:
        """The names of the things that are somewhere in there."""
        text = data if isinstance(data, str) else data.decode(errors="replace")
        return {name for name, pattern in self._patterns.items() if pattern.search(text)}

    def places(self, haystacks: Iterable[tuple[str, str | bytes]]) -> dict[str, set[str]]:
        """By place, what is there that is looked for; places without anything are left out."""
        found: dict[str, set[str]] = {}
        for place, data in haystacks:
            if names := self.found(data):
                found.setdefault(place, set()).update(names)
        return found


def _pattern(form: str) -> str:
    """Digits alone are found only as a whole number: clocks and ids are full of digits."""
    return rf"(?<![0-9]){form}(?![0-9])" if form.isdecimal() else re.escape(form)


def written(folder: Path) -> list[tuple[str, bytes]]:
    """Every log and every file of spans in a stack's folder, by name."""
    files = [*(folder / "logs").iterdir(), *(folder / "spans").iterdir()]
    return [(f"{path.parent.name}/{path.name}", path.read_bytes()) for path in sorted(files)]
