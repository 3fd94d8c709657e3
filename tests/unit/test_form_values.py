"""What people may write into the form: each case has its one end, and is kept in one form that identity knows."""

import unicodedata
from datetime import date
from typing import Any, Final

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_dossier.forms import Form
from hoso_dossier.identity_numbers import Profile
from hoso_dossier.procedures import catalogue
from hoso_dossier.residence import Answers
from hoso_dossier.texts import FORBIDDEN, WRONG_MARKS, flaw_of_name, flaw_of_text, stored
from hoso_identity.names import same_name
from support.form_names import HIDDEN, HIGHLAND_NAMES, LINES, NAMES, LineCase, NameCase
from support.form_values import (
    BIRTHS,
    NO_DATES,
    STAYS,
    ContactCase,
    StayCase,
    answers_of,
    emails,
    phones,
    somebody,
)

FORM: Final = Form(catalogue().current["1.004194"].form)
TODAY: Final = date(2026, 11, 24)
PERSON, HIGHLANDER = somebody(), somebody(highland=True)
LINE: Final = "Số 2, ngõ Trúc"
# An implementation of Unicode's properties that is not Python's; newer, so what it knows Python may not assign yet.
HIDES: Final = jsonschema_rs.Draft202012Validator(
    {
        "anyOf": [
            {"pattern": r"^[\p{C}\p{Zl}\p{Zp}\p{Me}\p{Default_Ignorable_Code_Point}]$"},
            {"pattern": r"^(?=\p{L})[\p{Hebrew}\p{Arabic}\p{Syriac}\p{Thaana}\p{Nko}\p{Adlam}]$"},
        ]
    }
)
_letters = st.characters(exclude_categories=("Cs",))
_texts = st.one_of(
    st.text(_letters),
    st.text(st.sampled_from("aĐð ọ\u0323\u0300\u0306\u00a0\u3000\u202e\u200bﬁＡ’'-\t"), max_size=12),
)


def read(answers: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]], Answers]:
    """What is kept of answers, the flaws found in it, and what was read."""
    kept = stored(answers)
    found = FORM.find_flaws(kept)
    answers_read = Answers(kept, found, Profile.SYNTHETIC, TODAY)
    found += answers_read.find_flaws()
    return kept, [(flaw.pointer.removeprefix("/answers/"), flaw.code) for flaw in found], answers_read


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case.label)
def test_a_name_has_its_end_and_one_stored_form(case: NameCase) -> None:
    kept, flaws, _ = read(answers_of(PERSON, full_name=case.write(PERSON.full_name)))
    assert flaws == ([("full_name", case.code)] if case.code else [])
    if case.code is None:
        assert kept["full_name"] == case.stored(PERSON.full_name)
        assert same_name(kept["full_name"], PERSON.full_name) is case.same


@pytest.mark.parametrize("case", HIGHLAND_NAMES, ids=lambda case: case.label)
def test_a_name_with_an_apostrophe_is_known_to_identity(case: NameCase) -> None:
    kept, flaws, _ = read(answers_of(HIGHLANDER, full_name=case.write(HIGHLANDER.full_name)))
    assert flaws == []
    assert kept["full_name"] == case.stored(HIGHLANDER.full_name)
    assert same_name(kept["full_name"], HIGHLANDER.full_name) is case.same


@pytest.mark.parametrize("case", LINES, ids=lambda case: case.label)
@pytest.mark.parametrize("place", ["permanent_address", "occupation", "workplace", "nationality"])
def test_a_line_has_its_end_and_one_stored_form(case: LineCase, place: str) -> None:
    kept, flaws, _ = read(answers_of(PERSON, **{place: case.write(LINE)}))
    assert flaws == ([(place, case.code)] if case.code else [])
    if case.code is None:
        assert kept[place] == case.stored(LINE)


@pytest.mark.parametrize("case", STAYS, ids=lambda case: case.label)
def test_a_stay_has_its_end(case: StayCase) -> None:
    _, flaws, _ = read(answers_of(PERSON, from_date=case.first, to_date=case.last))
    assert flaws == list(case.flaws)


@pytest.mark.parametrize("label", NO_DATES)
@pytest.mark.parametrize("place", ["from_date", "to_date", "date_of_birth"])
def test_what_is_no_date_is_refused_as_that_and_nothing_else(label: str, place: str) -> None:
    _, flaws, _ = read(answers_of(PERSON, **{place: NO_DATES[label]}))
    assert flaws == [(place, "not-a-date")]


@pytest.mark.parametrize("label", BIRTHS)
def test_a_birth_outside_the_calendar_of_identity_numbers_is_refused(label: str) -> None:
    day, code = BIRTHS[label]
    _, flaws, _ = read(answers_of(PERSON, date_of_birth=day))
    assert flaws == [("date_of_birth", code), ("identity_number", "identity-number-birth-year")]


@pytest.mark.parametrize("case", emails(), ids=lambda case: case.label)
def test_an_email_address_has_its_end_and_one_place_it_is_sent_to(case: ContactCase) -> None:
    notification = {"channels": ["email"], "email": case.typed}
    _, flaws, answers = read(answers_of(PERSON, notification=notification))
    assert flaws == ([("notification/email", case.code)] if case.code else [])
    assert answers.email == case.sent_to


@pytest.mark.parametrize("case", phones(), ids=lambda case: case.label)
def test_a_phone_has_its_end_and_one_place_it_is_sent_to(case: ContactCase) -> None:
    notification = {"channels": ["sms"], "phone": case.typed}
    _, flaws, answers = read(answers_of(PERSON, notification=notification))
    assert flaws == ([("notification/phone", case.code)] if case.code else [])
    assert answers.phone == case.sent_to


def test_whatever_unicode_hides_or_turns_around_is_forbidden() -> None:
    """Every code point, by another implementation of Unicode than the one the product uses."""
    points = (chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF)
    shown = [point for point in points if flaw_of_text(f"a{point}") != FORBIDDEN]
    assert len(shown) > 100_000
    assert [f"U+{ord(point):04X}" for point in shown if HIDES.is_valid(point)] == []


@given(_texts)
def test_what_is_stored_is_stored_as_it_is(text: str) -> None:
    kept = stored(text)
    assert stored(kept) == kept
    assert unicodedata.is_normalized("NFC", kept)
    assert kept == kept.strip(" ")
    assert "  " not in kept
    assert stored({"a": [text, {"b": text}], "c": None, "d": 1}) == {"a": [kept, {"b": kept}], "c": None, "d": 1}


def test_a_flood_of_marks_is_not_put_in_order_and_is_refused() -> None:
    flood = "a" + "\u0301\u0316" * 16  # in NFC all of the second kind would come first
    assert stored(flood) == flood
    assert flaw_of_name(flood) == flaw_of_text(flood) == WRONG_MARKS
    assert unicodedata.is_normalized("NFC", stored("a" + "\u0301\u0316" * 15))


@given(_texts)
def test_storing_changes_no_name_to_another(text: str) -> None:
    if flaw_of_name(stored(text)) is None and stored(text):
        assert same_name(text, stored(text))


@given(_texts, st.sampled_from(sorted(HIDDEN.values())), st.integers(min_value=0))
def test_what_is_hidden_is_found_wherever_it_stands(text: str, hidden: str, place: int) -> None:
    at = place % (len(text) + 1)
    written = stored(text[:at] + hidden + text[at:])
    assert flaw_of_text(written) == FORBIDDEN
    assert flaw_of_name(written) == FORBIDDEN
