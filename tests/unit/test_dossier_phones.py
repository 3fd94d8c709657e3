"""Mobile numbers: the many ways of writing one, and the eleven-digit numbers of before 2018."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_dossier.phones import MOVED, Moved, read_mobile


@pytest.mark.parametrize(
    "text", ["+84912345678", "84912345678", "0912345678", "091 234 5678", "0912.345.678", "(091) 234-5678"]
)
def test_all_ways_of_writing_a_number_are_one_number(text: str) -> None:
    assert read_mobile(text) == "+84912345678"


@pytest.mark.parametrize("text", ["0120 123 4567", "+841201234567", "841201234567"])
def test_an_old_number_suggests_what_it_became(text: str) -> None:
    assert read_mobile(text) == Moved("070 123 4567", "0120", "070")


@pytest.mark.parametrize("old", sorted(MOVED))
def test_every_old_beginning_became_a_number_that_is_valid(old: str) -> None:
    moved = read_mobile(f"{old}2345678")
    assert isinstance(moved, Moved)
    # 056 and 058: of Vietnamobile's new numbers libphonenumber knows all; 059 as well
    assert read_mobile(moved.suggestion) == f"+84{MOVED[old][1:]}2345678"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "091234567",
        "09123456789",
        "02438251234",  # a fixed line of Ha Noi
        "+14155552671",
        "1900 1234",
        "113",
        "09१२345678",
        "0912345678;ext=1",
        "tel:0912345678",
        "0" * 20,
    ],
)
def test_what_is_no_mobile_number_here_is_refused(text: str) -> None:
    assert read_mobile(text) is None


def test_a_suggestion_does_not_show_in_a_log() -> None:
    assert "123 4567" not in repr(read_mobile("0120 123 4567"))


@given(st.text(max_size=30))
def test_whatever_is_written_it_is_read_without_an_error(text: str) -> None:
    read_mobile(text)
