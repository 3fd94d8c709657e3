"""Mobile numbers of Viet Nam as people write them, and E.164; never asks a carrier."""

import re
from dataclasses import dataclass, field
from typing import Final

import phonenumbers

COUNTRY: Final = 84

# Eleven-digit numbers became ten-digit ones between 15/09 and 14/11/2018: old beginning → new.
MOVED: Final = {
    "0120": "070",
    "0121": "079",
    "0122": "077",
    "0126": "076",
    "0128": "078",
    "0123": "083",
    "0124": "084",
    "0125": "085",
    "0127": "081",
    "0129": "082",
    "0162": "032",
    "0163": "033",
    "0164": "034",
    "0165": "035",
    "0166": "036",
    "0167": "037",
    "0168": "038",
    "0169": "039",
    "0186": "056",
    "0188": "058",
    "0199": "059",
}
_OLD: Final = re.compile(r"(?:\+?84|0)(1[0-9]{2})([0-9]{3})([0-9]{4})")
_SEPARATORS: Final = re.compile(r"[\s.()-]")
_WRITTEN: Final = re.compile(r"\+?[0-9]{9,13}")
_MOBILE: Final = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})


@dataclass(frozen=True, slots=True)
class Moved:
    """What an eleven-digit number of before 2018 became.

    Attributes:
        suggestion: as written in Viet Nam, "070 123 4567"; personal data.
        old: the old beginning, "0120".
        new: the new beginning, "070".
    """

    suggestion: str = field(repr=False)
    old: str
    new: str


def read_mobile(text: str) -> str | Moved | None:
    """Return a mobile number of Viet Nam in E.164 ("+84" and nine digits), what an old number became, or None."""
    compact = _SEPARATORS.sub("", text)
    if not _WRITTEN.fullmatch(compact):
        return None
    old = _OLD.fullmatch(compact)
    if old and (beginning := MOVED.get(f"0{old[1]}")):
        return Moved(f"{beginning} {old[2]} {old[3]}", f"0{old[1]}", beginning)
    try:
        number = phonenumbers.parse(compact, "VN")
    except phonenumbers.NumberParseException:
        return None
    if number.country_code != COUNTRY or not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) not in _MOBILE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
