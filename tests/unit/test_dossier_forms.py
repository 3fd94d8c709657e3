"""Answers to the form of temporary residence: every flaw at once, by pointer and code, never a value."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_chassis.problems import ERRORS
from hoso_dossier.flaws import WORDS, Flaw
from hoso_dossier.forms import Form
from hoso_dossier.identity_numbers import Profile
from hoso_dossier.procedures import catalogue
from hoso_dossier.refusals import not_valid
from hoso_dossier.residence import Answers, years_after
from hoso_dossier.values import Contact
from support.dossier_samples import AGENCY, answers

FORM = Form(catalogue().current["1.004194"].form)
TODAY = date(2026, 11, 24)


def flaws_of(given: Any, profile: Profile = Profile.SYNTHETIC) -> set[tuple[str, str]]:
    found = FORM.find_flaws(given)
    found += Answers(given, found, profile, TODAY).find_flaws()
    assert all(flaw.code in WORDS for flaw in found)
    return {(flaw.pointer, flaw.code) for flaw in found}


def notification(**given: Any) -> dict[str, Any]:
    return answers(notification={"channels": ["email"], "email": "an@example.com"} | given)


def test_good_answers_have_no_flaw_and_give_what_the_dossier_takes() -> None:
    given = answers()
    assert flaws_of(given) == set()
    read = Answers(given, [], Profile.SYNTHETIC, TODAY)
    assert list(read.find_flaws()) == []
    application = read.application()
    assert (application.case, application.agency) == ("individual", AGENCY)
    assert application.identity.identity_number == "003199000001"
    assert application.identity.date_of_birth == date(1999, 2, 3)
    assert application.contacts == (Contact("email", "an@example.com"), Contact("sms", "+84951234567"))


def test_nothing_answered_names_every_mandatory_answer() -> None:
    mandatory = catalogue().current["1.004194"].form["required"]
    assert flaws_of({}) == {(f"/answers/{name}", "missing") for name in mandatory}


@pytest.mark.parametrize(
    ("changed", "pointer", "code"),
    [
        ({"declarant": "somebody"}, "/declarant", "not-a-choice"),
        ({"full_name": ""}, "/full_name", "wrong-form"),
        ({"full_name": "A\nB"}, "/full_name", "forbidden-character"),
        ({"full_name": "a" * 101}, "/full_name", "too-long"),
        ({"full_name": 7}, "/full_name", "wrong-type"),
        ({"date_of_birth": "1999-02-30"}, "/date_of_birth", "not-a-date"),
        ({"date_of_birth": "0000-02-03"}, "/date_of_birth", "not-a-date"),
        ({"date_of_birth": "2026-11-25", "identity_number": "003326000001"}, "/date_of_birth", "date-in-future"),
        ({"date_of_birth": "1899-02-03", "identity_number": ""}, "/date_of_birth", "date-too-early"),
        ({"identity_number": "12345678"}, "/identity_number", "identity-number-length"),
        ({"identity_number": "001199000001"}, "/identity_number", "identity-number-place"),
        ({"identity_number": "003198000001"}, "/identity_number", "identity-number-birth-year"),
        ({"identity_number": "003099000001"}, "/identity_number", "identity-number-gender"),
        ({"identity_number": 3199000001}, "/identity_number", "wrong-type"),
        ({"temporary_address": "Số 2"}, "/temporary_address", "wrong-type"),
        ({"temporary_address": {"province": "a", "ward": "b"}}, "/temporary_address/address", "missing"),
        ({"from_date": "2026-12-01", "to_date": "2026-12-01"}, "/to_date", "period-not-positive"),
        ({"from_date": "2026-01-01", "to_date": "2028-01-02"}, "/to_date", "period-too-long"),
        ({"case": "other"}, "/case", "not-a-choice"),
        ({"agency": "no agency"}, "/agency", "wrong-form"),
        ({"declaration_accepted": False}, "/declaration_accepted", "must-be-accepted"),
        ({"notification": {"channels": []}}, "/notification/channels", "too-few"),
        ({"notification": {"channels": ["pigeon"]}}, "/notification/channels/0", "not-a-choice"),
        ({"notification": {"channels": ["sms", "sms"], "phone": "0951234567"}}, "/notification/channels", "repeated"),
        ({"notification": {"channels": ["email"]}}, "/notification/email", "missing"),
        ({"notification": {"channels": ["sms"]}}, "/notification/phone", "missing"),
    ],
)
def test_one_flaw_is_found_where_it_is(changed: dict[str, Any], pointer: str, code: str) -> None:
    found = flaws_of(answers(**changed))
    assert (f"/answers{pointer}", code) in found
    assert {other for other in found if not other[0].startswith("/answers/identity_number")} <= {
        (f"/answers{pointer}", code)
    }


def test_an_unknown_field_is_not_named() -> None:
    found = FORM.find_flaws(answers() | {"Nguyễn Thị Lộ": 1})
    assert found == [Flaw("/answers", "unknown-field")]


@pytest.mark.parametrize("email", ["an", "an@", "an@example", "an@example.com ", "ẩn@example.com"])
def test_an_email_address_that_cannot_be_written_to_is_refused(email: str) -> None:
    assert flaws_of(notification(email=email)) == {("/answers/notification/email", "email-invalid")}


def test_an_email_address_is_not_looked_at_unless_it_is_to_be_used() -> None:
    assert flaws_of(notification(channels=["sms"], phone="0951234567", email="none")) == set()


@pytest.mark.parametrize(("phone", "code"), [("0120 123 4567", "phone-moved"), ("113", "phone-invalid")])
def test_a_phone_that_no_sms_reaches_is_refused(phone: str, code: str) -> None:
    assert flaws_of(notification(channels=["sms"], phone=phone)) == {("/answers/notification/phone", code)}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (date(2026, 1, 1), date(2028, 1, 1)),
        (date(2024, 2, 29), date(2026, 2, 28)),
        (date(2026, 2, 28), date(2028, 2, 28)),
        (date(9998, 6, 1), date.max),
    ],
)
def test_two_years_end_on_the_same_day(first: date, last: date) -> None:
    assert years_after(first, 2) == last


def test_two_years_exactly_are_allowed() -> None:
    assert flaws_of(answers(from_date="2026-01-01", to_date="2028-01-01")) == set()


def test_all_flaws_are_told_at_once() -> None:
    given = answers(full_name=None, gender="x", from_date="2026-01-01", to_date="2030-01-01")
    assert flaws_of(given) == {
        ("/answers/full_name", "missing"),
        ("/answers/gender", "not-a-choice"),
        ("/answers/to_date", "period-too-long"),
    }


def test_a_flood_of_wrong_items_is_told_in_few_words() -> None:
    """40 KB of them were 40,000 flaws, found in half a second, told in 6 MB."""
    given = answers(notification={"channels": [0] * 20_000})
    found = FORM.find_flaws(given)
    assert Flaw("/answers/notification/channels", "too-many") in found
    assert len(found) < 100
    assert len(not_valid(found, []).errors) == ERRORS


def test_no_error_is_told_twice() -> None:
    assert len(not_valid([Flaw("/answers", "unknown-field")] * 2, []).errors) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*answers(), "x"]), VALUES))
def test_whatever_is_answered_it_is_refused_in_documented_names(changed: dict[str, Any]) -> None:
    names = {"answers", *catalogue().current["1.004194"].form["properties"]}
    names |= {"province", "ward", "address", "channels", "email", "phone"}
    for pointer, _ in flaws_of(answers() | changed):
        assert {part for part in pointer.split("/") if part and not part.isdigit()} <= names
