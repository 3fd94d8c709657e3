"""The structure of identity numbers: the vectors of the domain dossier, and what holds for all numbers."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_dossier.identity_numbers import PROVINCE_CODES, Profile, find_flaws
from hoso_population_mock.numbers import PROVINCE_CODES as SOMEBODYS_CODES  # the annex, copied by somebody else

OFFICIAL, SYNTHETIC = Profile.OFFICIAL, Profile.SYNTHETIC


@pytest.mark.parametrize(
    ("number", "gender", "year", "flaws"),
    [
        ("001099000001", "male", 1999, []),
        ("001299000001", "male", 1999, ["identity-number-birth-year"]),
        ("079304000001", "female", 2004, []),
        ("079204000001", "female", 2004, ["identity-number-gender"]),
        ("003090000001", "male", 1990, ["identity-number-place"]),
        ("12345678", "male", 1990, ["identity-number-length"]),
        ("1234567890", "male", 1990, ["identity-number-length"]),
        ("00109900000１", "male", 1999, ["identity-number-length"]),  # a full-width digit
        ("001099-00001", "male", 1999, ["identity-number-length"]),
        ("000099000001", "male", 1999, ["identity-number-place"]),
        ("097099000001", "male", 1999, []),  # born abroad: the list of countries is not published
        ("999099000001", "male", 1999, []),
        ("001199000001", "male", 2099, ["identity-number-birth-year", "identity-number-gender"]),
    ],
)
def test_the_official_profile_finds_what_is_wrong(number: str, gender: str, year: int, flaws: list[str]) -> None:
    assert list(find_flaws(number, date(year, 5, 6), gender, OFFICIAL)) == flaws


def test_only_what_was_declared_is_compared() -> None:
    assert list(find_flaws("001099000001", None, None, OFFICIAL)) == []


def test_there_are_63_province_codes() -> None:
    assert len(PROVINCE_CODES) == 63
    assert {int(code) for code in PROVINCE_CODES} == SOMEBODYS_CODES


@given(st.integers(0, 999))
def test_no_code_is_taken_by_both_profiles(code: int) -> None:
    number = f"{code:03}099000001"
    takes = [not list(find_flaws(number, None, None, profile)) for profile in Profile]
    assert takes.count(True) == (0 if code == 0 else 1)


@given(
    code=st.sampled_from(["003", "005", "007", "009", "013"]),
    birth=st.dates(date(1900, 1, 1), date(2399, 12, 31)),
    gender=st.sampled_from(["male", "female"]),
    rest=st.integers(0, 999_999),
)
def test_a_number_made_by_the_rule_is_right_and_no_other_year_or_gender_is(
    code: str, birth: date, gender: str, rest: int
) -> None:
    century = 2 * ((birth.year - 1900) // 100) + (gender == "female")
    number = f"{code}{century}{birth.year % 100:02}{rest:06}"
    other = "male" if gender == "female" else "female"
    assert list(find_flaws(number, birth, gender, SYNTHETIC)) == []
    assert list(find_flaws(number, birth, other, SYNTHETIC)) == ["identity-number-gender"]
    wrong = birth.replace(year=birth.year + 1, day=1)
    assert list(find_flaws(number, wrong, gender, SYNTHETIC)) == ["identity-number-birth-year"]


@given(st.text(max_size=20))
def test_whatever_is_written_it_is_read_without_an_error(text: str) -> None:
    for profile in Profile:
        list(find_flaws(text, date(1990, 1, 1), "male", profile))


def _accepted_by_the_rule(number: str, birth: date, gender: str, *, official: bool) -> bool:
    """Return what the rule's text says: NĐ 137/2015, article 13, and TT 07/2016, article 7 and annex 1.

    "12 số ... 3 chữ số là mã tỉnh hoặc mã quốc gia nơi đăng ký khai sinh, 1 chữ số mã thế kỷ sinh, mã giới tính, 2
    chữ số mã năm sinh, 6 chữ số là khoảng số ngẫu nhiên."
    """
    if len(number) != 12 or set(number) - set("0123456789"):
        return False
    place, digit, year = int(number[:3]), int(number[3]), int(number[4:6])
    is_place = place in SOMEBODYS_CODES or place > 96 if official else place in set(range(1, 97)) - SOMEBODYS_CODES
    centuries = {0: "20", 2: "21", 4: "22", 6: "23", 8: "24"}  # of a man; a woman's digit is one higher
    century = centuries.get(digit - (gender == "female"))
    return is_place and century is not None and birth.year == (int(century) - 1) * 100 + year


_births = st.dates(date(1900, 1, 1), date(2399, 12, 31))
_genders = st.sampled_from(["male", "female"])
_digits = st.text("0123456789", min_size=12, max_size=12)
_strange = st.text("0123456789 -.+٠١٢٣٤٥٦٧٨٩０１２３４５６７８９๐๑๒\u200b\u202e\u00a0²½Ⅷ", max_size=20)


@st.composite
def _nearly_right(draw: st.DrawFn) -> tuple[str, date, str]:
    """A number of any place that agrees with a birth and a gender, and one character of it changed, or none."""
    birth, gender = draw(_births), draw(_genders)
    century = 2 * ((birth.year - 1900) // 100) + (gender == "female")
    place = draw(st.integers(0, 999) | st.sampled_from(sorted(SOMEBODYS_CODES)))
    number = f"{place:03}{century}{birth.year % 100:02}{draw(st.integers(0, 999_999)):06}"
    at, other = (
        draw(st.integers(0, 11)),
        draw(st.sampled_from(["", "0", "5", "9", "٣", "３", " ", "12", "\u200b", "a"])),
    )
    return draw(st.sampled_from([number, number[:at] + other + number[at + 1 :]])), birth, gender


@pytest.mark.parametrize("profile", list(Profile))
@given(_nearly_right() | st.tuples(st.text() | _digits | _strange, _births, _genders))
def test_a_number_is_right_exactly_when_the_rules_text_says_so(
    profile: Profile, declared: tuple[str, date, str]
) -> None:
    number, birth, gender = declared
    expected = _accepted_by_the_rule(number, birth, gender, official=profile is OFFICIAL)
    assert (list(find_flaws(number, birth, gender, profile)) == []) is expected


@given(_nearly_right())
def test_what_one_profile_takes_the_other_refuses(declared: tuple[str, date, str]) -> None:
    taken = [not list(find_flaws(*declared, profile)) for profile in Profile]
    assert taken != [True, True]
