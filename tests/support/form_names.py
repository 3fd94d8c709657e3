"""How people may write a name or a line of the form, as data: each way, its one end, and what is stored.

Every case is made from a name or line that the caller gives, so that any synthetic person can go through all of them.
"""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from hoso_population_mock.names import tone_on_first_vowel, tone_on_last_vowel

Writing = Callable[[str], str]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@dataclass(frozen=True, slots=True)
class NameCase:
    """One way of writing a name.

    Attributes:
        write: makes what is typed from the name that the register has.
        code: the flaw it is refused with; None: it is taken.
        stored: makes what is kept from the register's name.
        same: whether the register's name is the same by identity's comparison.
    """

    label: str
    write: Writing
    code: str | None = None
    stored: Writing = field(default=_nfc)
    same: bool = True


def _beside(extra: str) -> Writing:
    """The text after the first letter of the name."""
    return lambda name: name[:1] + extra + name[1:]


def other_tone(name: str) -> str:
    other = tone_on_last_vowel(name)
    return other if other != name else tone_on_first_vowel(name)


def _with_eth(name: str) -> str:
    return name.replace("Đ", "Ð").replace("đ", "ð")


def _full_width(name: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in name)


def _long(letters: int) -> Writing:
    return lambda name: (name + " " + "Ấ" * letters)[:letters]


def _taken(label: str, write: Writing, stored: Writing | None = None, *, same: bool = True) -> NameCase:
    return NameCase(label, write, None, stored or (lambda name: _nfc(write(name))), same)


def _refused(code: str, cases: Mapping[str, Writing]) -> list[NameCase]:
    return [NameCase(label, write, code, same=False) for label, write in cases.items()]


HIDDEN: Final = {
    "right-to-left override": "\u202e",
    "left-to-right override": "\u202d",
    "right-to-left embedding": "\u202b",
    "pop of direction": "\u202c",
    "right-to-left isolate": "\u2067",
    "pop of isolate": "\u2069",
    "right-to-left mark": "\u200f",
    "left-to-right mark": "\u200e",
    "Arabic letter mark": "\u061c",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "zero-width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "grapheme joiner": "\u034f",
    "variation selector": "\ufe0f",
    "ideographic variation selector": "\U000e0100",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul jungseong filler": "\u1160",
    "Mongolian vowel separator": "\u180e",
    "Braille blank": "\u2800",
    "language tag": "\U000e0041",
    "tab": "\t",
    "line feed": "\n",
    "carriage return": "\r",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line (C1)": "\x85",
    "control sequence introducer (C1)": "\x9b",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "private use": "\ue000",
    "noncharacter": "\uffff",
    "unassigned": "\u0378",
    "enclosing circle": "\u20dd",
    "Hebrew letter": "\u05d0",
    "Arabic letter": "\u0627",
    "Arabic-Indic digit": "\u0661",
}
"""What no text of the form may hold, whatever stands around it."""

NAMES: Final = (
    _taken("as the register has it", lambda name: name),
    _taken("NFD", _nfd, _nfc),
    _taken("NFKD", lambda name: unicodedata.normalize("NFKD", name), _nfc),
    _taken("upper case", str.upper),
    _taken("lower case", str.lower),
    _taken("upper case in NFD", lambda name: _nfd(name.upper()), lambda name: _nfc(name.upper())),
    _taken("the tone on the other vowel", other_tone),
    _taken("the tone on the other vowel, in NFD", lambda name: _nfd(other_tone(name)), other_tone),
    _taken("eth for Đ", _with_eth),
    _taken("spaces before and after", lambda name: f"  {name} ", _nfc),
    _taken("two spaces between", lambda name: name.replace(" ", "  "), _nfc),
    _taken("no-break spaces", lambda name: name.replace(" ", "\u00a0"), _nfc),
    _taken("ideographic and thin spaces", lambda name: f"\u3000{name.replace(' ', chr(0x2009) + ' ')}\u202f", _nfc),
    _taken("another letter that looks the same (Cyrillic)", lambda name: name[:-1] + "\u0430", same=False),
    _taken("a letter without its accent", lambda name: _nfd(name).translate({0x0300: None, 0x0301: None}), same=False),
    _taken("another letter for i", lambda name: f"{name} Mỹ", same=False),
    _taken("three marks on one letter", lambda name: name + "x\u0323\u0300\u0306", same=False),
    _taken("a name of one letter", lambda _: "Ý", same=False),
    _taken("100 letters", _long(100), same=False),
    _taken("100 letters in NFD", lambda name: _nfd(_long(100)(name)), _long(100), same=False),
    *_refused("forbidden-character", {label: _beside(hidden) for label, hidden in HIDDEN.items()}),
    *_refused("forbidden-character", {"wrapped in overrides": lambda name: f"\u202e{name[::-1]}\u202c"}),
    *_refused("forbidden-character", {"emoji with a selector": _beside("❤\ufe0f")}),
    *_refused(
        "wrong-marks",
        {
            "a flood of marks": _beside("\u0300\u0316" * 40),
            "four marks on one letter": lambda name: name + "x\u0323\u0300\u0306\u0304",
            "a mark after a space": lambda name: f"{name} \u0323a",
        },
    ),
    *_refused(
        "compatibility-character",
        {
            "ligature": lambda name: f"{name} ﬁ",
            "full-width letters": _full_width,
            "styled letters": lambda name: f"{name} \U0001d400",
            "raised letter": lambda name: f"{name}\u1d43",
        },
    ),
    *_refused(
        "wrong-form",
        {
            "nothing": lambda _: "",
            "spaces only": lambda _: "   ",
            "no-break spaces only": lambda _: "\u00a0\u3000",
            "a digit": lambda name: f"{name} 2",
            "Thai digit": lambda name: f"{name} \u0e52",
            "emoji": lambda name: f"{name} 😀",
            "angle brackets": lambda name: f"{name} <b>",
            "an apostrophe first": lambda name: f"'{name}",
            "comma": lambda name: name.replace(" ", ", "),
        },
    ),
    *_refused("too-long", {"101 letters": _long(101), "300 letters": _long(300)}),
)

HIGHLAND_NAMES: Final = (
    _taken("as the register has it", lambda name: name),
    _taken("NFD", _nfd, _nfc),
    _taken("upper case", str.upper),
    _taken("curved apostrophe", lambda name: name.replace("'", "’")),
    _taken("letter apostrophe", lambda name: name.replace("'", "\u02bc")),
    _taken("no apostrophe", lambda name: name.replace("'", ""), same=False),
)
"""Ways to write a name with letters outside the Vietnamese alphabet and an apostrophe."""


@dataclass(frozen=True, slots=True)
class LineCase:
    """A line such as an address: what is typed, and the flaw or the stored form."""

    label: str
    write: Writing
    code: str | None = None
    stored: Writing = field(default=_nfc)


LINES: Final = (
    LineCase("NFD", _nfd),
    LineCase("spaces of any kind", lambda line: f" {line.replace(' ', chr(0xA0) + ' ')}\u3000"),
    LineCase("digits and signs", lambda line: f"{line} 12½/3 № 5²", None, lambda line: f"{line} 12½/3 № 5²"),
    LineCase("emoji", lambda line: f"{line} 🏠", None, lambda line: f"{line} 🏠"),
    LineCase("full-width digit", lambda line: f"{line} １", None, lambda line: f"{line} １"),
    LineCase("250 letters", lambda line: (line + "Ấ" * 250)[:250], None, lambda line: (line + "Ấ" * 250)[:250]),
    LineCase("251 letters", lambda line: (line + "Ấ" * 251)[:251], "too-long"),
    LineCase("nothing", lambda _: "", "too-short"),
    LineCase("spaces only", lambda _: " \u00a0 ", "too-short"),
    LineCase("a mark first", lambda line: f"\u0323{line}", "wrong-marks"),
    LineCase("a flood of marks", _beside("\u0300\u0316" * 40), "wrong-marks"),
    *(LineCase(label, _beside(hidden), "forbidden-character") for label, hidden in HIDDEN.items()),
)
