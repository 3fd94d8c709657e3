"""Texts as people type them: their one stored form, and what none may hold; letters are never folded to others."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, cast

FORBIDDEN: Final = "forbidden-character"
WRONG_MARKS: Final = "wrong-marks"
COMPATIBILITY: Final = "compatibility-character"

MOST_MARKS: Final = 3  # on one letter, composed; "ơ̆" has one, and no spelling of Viet Nam's languages has more than two
_STREAM_SAFE: Final = 30  # marks in a row that a normalizer need hold (Unicode Standard Annex 15, section 13)
_SPACES: Final = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")  # Zs; a tab or line end is no space here
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Me", "Zl", "Zp"})
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
# Drawn as nothing, and yet letters, marks or symbols by their category (Default_Ignorable_Code_Point, Braille blank).
_DRAWN_AS_NOTHING: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def stored(value: object) -> Any:  # any JSON value
    """Return a JSON value whose texts are in NFC, with single plain spaces and none at their ends.

    Nothing else is changed: no letter, no case, no place of a tone. What was typed on another keyboard or copied from
    a document is then the same text, and as long as it looks.
    """
    if isinstance(value, str):
        return _SPACES.sub(" ", _composed(value)).strip(" ")
    if isinstance(value, dict):
        return {name: stored(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [stored(inner) for inner in cast("list[Any]", value)]
    return value


def flaw_of_text(text: str) -> str | None:
    """Return the code of what keeps a text from being read as it is written, or None; the text is `stored`.

    Forbidden: control and format characters (line ends, marks of direction, joiners), what is drawn as nothing, what
    has no fixed meaning (private use, unassigned), enclosing marks, and letters written from right to left, which
    would move the digits beside them.
    """
    if text.isascii() and text.isprintable():
        return None
    if any(_is_forbidden(letter) for letter in text):
        return FORBIDDEN
    return WRONG_MARKS if _has_wrong_marks(text) else None


def flaw_of_name(text: str) -> str | None:
    """The same for a person's name, which also has no ligature, no full-width and no styled letter.

    They look like plain letters and are none to the population register.
    """
    if flaw := flaw_of_text(text):
        return flaw
    return None if unicodedata.normalize("NFKC", text) == text else COMPATIBILITY


FORMATS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "visible-text": flaw_of_text,
    "personal-name": flaw_of_name,
}
"""The formats that a form may ask of a text beside those of JSON Schema, each with what finds its flaw."""


def _composed(text: str) -> str:
    """Return NFC; a flood of marks is left as it is, and refused later: ordering n of them takes n² steps."""
    in_a_row = 0
    for letter in () if text.isascii() else text:
        in_a_row = in_a_row + 1 if unicodedata.combining(letter) else 0
        if in_a_row > _STREAM_SAFE:
            return text
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=4096)
def _is_forbidden(letter: str) -> bool:
    if unicodedata.category(letter) in _HIDDEN or unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT:
        return True
    return _DRAWN_AS_NOTHING.match(letter) is not None


def _has_wrong_marks(text: str) -> bool:
    """Whether a mark stands without a letter before it, or more than a few stand on one."""
    marks = MOST_MARKS  # at the beginning there is nothing to stand on
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter).startswith("M") else MOST_MARKS if letter == " " else 0
        if marks > MOST_MARKS:
            return True
    return False
