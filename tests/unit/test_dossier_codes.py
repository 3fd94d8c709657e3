"""Dossier codes as text, and the day in Viet Nam."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_dossier.codes import Code, first_number, is_code, viet_nam_day


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "G01.999.000.000-261124-0001"),
        (9999, "G01.999.000.000-261124-9999"),
        (10_000, "G01.999.000.000-261124-10000"),
        (890_028, "G01.999.000.000-261124-890028"),
    ],
)
def test_a_code_has_four_digits_or_as_many_as_it_needs(number: int, text: str) -> None:
    assert str(Code("G01.999.000.000", date(2026, 11, 24), number)) == text


@pytest.mark.parametrize("text", ["G01.308.000.000-220616-0100", "G01.899.909-260916-890028"])
def test_codes_of_other_systems_are_codes(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize(
    "text", ["", "G01-220616-0100", "G01.308.000.000-220616-010", "g01.308.000.000-220616-0100", "x\n"]
)
def test_other_text_is_none(text: str) -> None:
    assert not is_code(text)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(1, 999_999_999))
def test_what_is_issued_is_a_code(day: date, number: int) -> None:
    assert is_code(str(Code("G01.999.000.000", day, number)))


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 24, 16, 59, 59, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 11, 24, 17, 0, 0, tzinfo=UTC), date(2026, 11, 25)),
    ],
)
def test_the_day_ends_at_17_00_utc(instant: datetime, day: date) -> None:
    assert viet_nam_day(instant) == day


def test_epochs_begin_a_hundred_thousand_numbers_apart() -> None:
    assert [first_number(epoch) for epoch in (0, 1, 2)] == [1, 100_001, 200_001]
