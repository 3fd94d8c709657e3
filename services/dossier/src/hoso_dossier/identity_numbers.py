"""The structure of a personal identification number ("số định danh cá nhân"); whose it is cannot be known from it."""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Final, Literal

Gender = Literal["male", "female"]

# The 63 province codes of TT 07/2016/TT-BCA, annex 1. Numbers keep them after the merger of provinces in 2025.
PROVINCE_CODES: Final = frozenset(
    (
        *("001", "002", "004", "006", "008", "010", "011", "012", "014", "015", "017", "019", "020", "022"),
        *("024", "025", "026", "027", "030", "031", "033", "034", "035", "036", "037", "038", "040", "042"),
        *("044", "045", "046", "048", "049", "051", "052", "054", "056", "058", "060", "062", "064", "066"),
        *("067", "068", "070", "072", "074", "075", "077", "079", "080", "082", "083", "084", "086", "087"),
        *("089", "091", "092", "093", "094", "095", "096"),
    )
)
_LAST_PROVINCE: Final = 96  # higher codes are countries, for births registered abroad
_LENGTH: Final = 12


class Profile(StrEnum):
    """Whose numbers are taken: real people's, or only those that nobody can have. Each refuses the other's."""

    SYNTHETIC = "synthetic"
    OFFICIAL = "official"

    def takes(self, code: str) -> bool:
        """Tell whether a number may begin with this code.

        Codes above 096 are countries; their list is not published, so all of them are taken as official.
        """
        is_free = 0 < int(code) <= _LAST_PROVINCE and code not in PROVINCE_CODES
        if self is Profile.SYNTHETIC:
            return is_free
        return code in PROVINCE_CODES or int(code) > _LAST_PROVINCE


def find_flaws(number: str, date_of_birth: date | None, gender: str | None, profile: Profile) -> Iterator[str]:
    """Yield the codes of everything wrong with a number; nothing else is wrong with its structure.

    A number is `PPP G YY SSSSSS`: place of birth registration, century and gender, year of birth, random digits
    (NĐ 137/2015/NĐ-CP, article 13). It has no check digit.

    Args:
        number: as declared.
        date_of_birth: as declared; None: not compared.
        gender: as declared, "male" or "female"; None: not compared.
        profile: which codes of place are taken.
    """
    if len(number) != _LENGTH or not (number.isascii() and number.isdigit()):
        yield "identity-number-length"
        return
    if not profile.takes(number[:3]):
        yield "identity-number-place"
    if date_of_birth is not None and _year_of_birth(number) != date_of_birth.year:
        yield "identity-number-birth-year"
    if gender is not None and _gender(number) != gender:
        yield "identity-number-gender"


def _year_of_birth(number: str) -> int:
    return 1900 + 100 * (int(number[3]) // 2) + int(number[4:6])


def _gender(number: str) -> Gender:
    return "female" if int(number[3]) % 2 else "male"
