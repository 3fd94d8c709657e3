"""The structure of 12-digit identity numbers, under province codes that no province has: it knows no person."""

from dataclasses import dataclass
from typing import Final, Literal

Gender = Literal["male", "female"]

_PROVINCES: Final = """
    001 002 004 006 008 010 011 012 014 015 017 019 020 022 024 025 026 027 030 031 033 034 035 036 037 038 040 042 044
    045 046 048 049 051 052 054 056 058 060 062 064 066 067 068 070 072 074 075 077 079 080 082 083 084 086 087 089 091
    092 093 094 095 096
"""
PROVINCE_CODES: Final = frozenset(int(code) for code in _PROVINCES.split())
"""The 63 codes that real provinces have (annex 1 of circular 07/2016/TT-BCA); no synthetic person gets one."""

SYNTHETIC_CODES: Final = tuple(code for code in range(1, 97) if code not in PROVINCE_CODES)
"""The 33 values inside 001-096 that no province has."""

FIRST_YEAR: Final = 1924
LAST_YEAR: Final = 2025
NUMBER_LENGTH: Final = 12
_YEARS: Final = LAST_YEAR - FIRST_YEAR + 1
_GENDERS: Final[tuple[Gender, Gender]] = ("male", "female")
_SERIALS: Final = 1_000_000
_CODE_POSITIONS: Final = {code: position for position, code in enumerate(SYNTHETIC_CODES)}
_DIGITS: Final = frozenset("0123456789")
_CENTURY: Final = 100

NUMBER_SPACE: Final = len(SYNTHETIC_CODES) * _YEARS * len(_GENDERS) * _SERIALS
"""How many different synthetic identity numbers there can be: 6,732,000,000."""


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """What an identity number says: ``PPP`` province, ``G`` century and gender, ``YY`` year of birth, six digits more.

    G is even for males and odd for females; half of it counts the centuries since 1900 (decree 137/2015, article 13).
    There is no check digit.
    """

    province_code: int
    year: int
    gender: Gender
    serial: int

    def __str__(self) -> str:
        century, year = divmod(self.year - 1900, _CENTURY)
        return f"{self.province_code:03}{2 * century + _GENDERS.index(self.gender)}{year:02}{self.serial:06}"


def number_at(slot: int) -> IdentityNumber:
    """Return the identity number at a place among all synthetic ones, 0 <= slot < ``NUMBER_SPACE``."""
    rest, serial = divmod(slot, _SERIALS)
    rest, gender = divmod(rest, len(_GENDERS))
    code, year = divmod(rest, _YEARS)
    return IdentityNumber(SYNTHETIC_CODES[code], FIRST_YEAR + year, _GENDERS[gender], serial)


def slot_of(number: str) -> int | None:
    """Return the place of a written identity number, or None where no synthetic person could have it.

    Only the 12 ASCII digits are a number: no space, no sign, no other digits that Unicode has.
    """
    if not is_well_formed(number):
        return None
    code = _CODE_POSITIONS.get(int(number[:3]))
    century, gender = divmod(int(number[3]), len(_GENDERS))
    year = 1900 + _CENTURY * century + int(number[4:6]) - FIRST_YEAR
    if code is None or not 0 <= year < _YEARS:
        return None
    return ((code * _YEARS + year) * len(_GENDERS) + gender) * _SERIALS + int(number[6:])


def is_well_formed(number: str) -> bool:
    """Tell whether a text is 12 ASCII digits."""
    return len(number) == NUMBER_LENGTH and _DIGITS.issuperset(number)
