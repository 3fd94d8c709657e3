"""Whether two spellings are one Vietnamese name; pure text, and never used to show or to search a name."""

import re
import unicodedata
from typing import Final

_TONES: Final = "\u0300\u0301\u0309\u0303\u0323"  # huyền, sắc, hỏi, ngã, nặng
_ETH_TO_STROKE: Final = str.maketrans("Ðð", "Đđ")  # legacy text writes U+00D0 for U+0110
_TO_APOSTROPHE: Final = dict.fromkeys(map(ord, "’ʼ‘"), "'")  # telephones turn the one in "H'Wen" by themselves
_ALSO_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def _on_last_vowel() -> dict[str, str]:
    """From "òa" to "oà", for the three pairs and the five tones."""
    pairs: dict[str, str] = {}
    for first, last in ("oa", "oe", "uy"):
        for tone in _TONES:
            pairs[unicodedata.normalize("NFC", first + tone + last)] = unicodedata.normalize("NFC", first + last + tone)
    return pairs


_ON_LAST: Final = _on_last_vowel()
# An open syllable ends here. The u of "qu" and the i of "gi" belong to the consonant: "quý" has one spelling.
_OPEN_SYLLABLE: Final = re.compile(rf"(?<!q)(?<!qu)(?<!gi)(?:{'|'.join(_ON_LAST)})(?![\w\u0300-\u036f])")


def comparison_key(name: str) -> str:
    """Return the text that is equal for all spellings of one name.

    Folded: Unicode composition (NFC, NFD), "Ð" for "Đ", letter case, spaces of any kind, characters without width, the
    curved apostrophe, and the old and new place of the tone in open syllables with oa, oe, uy ("hòa", "hoà"). Not
    folded: "Mỹ" and "Mĩ", which are different legal names, and anything else; letters outside the Vietnamese alphabet
    stay as they are.

    The key of a key is the key. It is made for this comparison only: show and keep the name as it was given.
    """
    text = unicodedata.normalize("NFC", _without_invisible(name)).translate(_ETH_TO_STROKE)
    text = unicodedata.normalize("NFC", text.casefold())  # again: "ſ" with a mark folds to letters that compose
    text = text.translate(_TO_APOSTROPHE)
    text = " ".join(text.split())
    return _OPEN_SYLLABLE.sub(lambda match: _ON_LAST[match[0]], text)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same by their keys; a name without any letter is nobody's."""
    key = comparison_key(one)
    return key != "" and key == comparison_key(other)


def _without_invisible(text: str) -> str:
    """Strip format characters (zero-width spaces and joiners, marks of direction, BOM, soft hyphen) and selectors.

    It comes before NFC, because a joiner between a letter and its mark keeps the two from composing.
    """
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return _ALSO_INVISIBLE.sub("", visible)
