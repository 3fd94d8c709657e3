"""The synthetic people: one for each number, the same for ever, spelt with every letter, and none of them real."""

import tracemalloc
import unicodedata
from datetime import date
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_dossier.identity_numbers import Profile, find_flaws
from hoso_identity.names import same_name
from hoso_population_mock.numbers import (
    FIRST_YEAR,
    LAST_YEAR,
    NUMBER_SPACE,
    PROVINCE_CODES,
    SYNTHETIC_CODES,
    number_at,
    slot_of,
)
from hoso_population_mock.people import (
    POPULATION,
    Population,
    index_of_subject,
    person_at,
    person_by_number,
    subject_of,
    typed_name,
)
from support.population import NOBODYS_NUMBER

VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
CONSONANTS = "bcdđghklmnpqrstvx"
ALPHABET = {unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES} | set(CONSONANTS)

indices = st.integers(0, POPULATION - 1)
slots = st.integers(0, NUMBER_SPACE - 1)


def some_people(count: int) -> list[int]:
    """Indices spread over everybody, and over all remainders: the step is odd and no multiple of 5."""
    step = next(step for step in range(POPULATION // count, 0, -1) if step % 2 and step % 5)
    return list(islice(range(0, POPULATION, step), count))


def test_there_are_98_700_000_people() -> None:
    assert POPULATION == 98_700_000
    assert person_at(POPULATION - 1).index == POPULATION - 1
    for nobody in (-1, POPULATION):
        with pytest.raises(IndexError):
            person_at(nobody)


@given(indices)
def test_every_person_is_found_by_their_own_number(index: int) -> None:
    person = person_at(index)
    assert person_by_number(person.identity_number) == person


@given(slots)
def test_every_number_is_one_persons_or_nobodys(slot: int) -> None:
    number = str(number_at(slot))
    person = person_by_number(number)
    assert person is None or person.identity_number == number


@given(indices, indices)
def test_two_people_have_two_numbers(one: int, other: int) -> None:
    assert (person_at(one).identity_number == person_at(other).identity_number) == (one == other)


@given(slots)
def test_a_number_is_written_and_read_without_loss(slot: int) -> None:
    assert slot_of(str(number_at(slot))) == slot


@given(indices)
def test_a_number_has_the_structure_of_the_decree_under_a_code_of_no_province(index: int) -> None:
    """`PPP G YY SSSSSS`: G is twice the centuries since 1900, and one more for a woman."""
    person = person_at(index)
    number = person.identity_number
    assert len(number) == 12
    assert number.isascii()
    assert number.isdecimal()
    assert int(number[:3]) in SYNTHETIC_CODES
    assert int(number[3]) == 2 * (person.date_of_birth.year // 100 - 19) + (person.gender == "female")
    assert int(number[4:6]) == person.date_of_birth.year % 100
    assert FIRST_YEAR <= person.date_of_birth.year <= LAST_YEAR


@given(indices)
def test_dossier_takes_a_number_as_synthetic_and_never_as_official(index: int) -> None:
    person = person_at(index)
    told = (person.identity_number, person.date_of_birth, person.gender)
    assert list(find_flaws(*told, Profile.SYNTHETIC)) == []
    assert list(find_flaws(*told, Profile.OFFICIAL)) == ["identity-number-place"]


def test_63_codes_are_provinces_and_33_are_nobodys() -> None:
    assert (len(PROVINCE_CODES), len(SYNTHETIC_CODES)) == (63, 33)
    assert set(range(1, 97)) == PROVINCE_CODES | set(SYNTHETIC_CODES)
    assert {3, 5, 7, 9, 13} < set(SYNTHETIC_CODES)
    assert {1, 79, 92, 96} < PROVINCE_CODES


@pytest.mark.parametrize(
    "text",
    [
        NOBODYS_NUMBER,
        "001090000001",  # Hà Nội
        "097090000001",  # a country
        "000090000001",
        "003490000001",  # born 2190
        "003023000001",  # born 1923
        "003226000001",  # born 2026
        "03090000001",
        "0030900000011",
        "003090 00001",
        "-03090000001",
        "",
    ],
)
def test_what_is_nobodys_number_finds_nobody(text: str) -> None:
    assert person_by_number(text) is None


@pytest.mark.parametrize("zero", ["٠", "０", "०"])
def test_only_ascii_digits_are_digits(zero: str) -> None:
    number = person_at(0).identity_number
    assert "0" in number
    assert person_by_number(number.replace("0", zero)) is None


def test_names_hold_every_letter_of_the_alphabet_with_every_tone() -> None:
    seen = set("".join(person_at(index).full_name for index in some_people(10_000)).lower())
    assert len(ALPHABET) == 89
    assert seen >= ALPHABET


def test_people_type_every_letter_in_upper_case_too() -> None:
    typed = [typed_name(person_at(index // 20 * 20 + 2)) for index in some_people(20_000)]  # one habit in twenty
    assert all(name.isupper() for name in typed)
    seen = set("".join(typed))
    assert seen >= {letter.upper() for letter in ALPHABET}


def test_names_hold_letters_of_the_highlands_and_are_of_one_to_five_words() -> None:
    names = [person_at(index).full_name for index in some_people(10_000)]
    assert set("ƀčĕĭŏŭñ") <= set("".join(names).lower())
    assert {len(name.split()) for name in names} == {1, 2, 3, 4, 5}


@given(indices)
def test_a_name_is_composed_and_what_is_typed_is_the_same_name(index: int) -> None:
    person = person_at(index)
    assert unicodedata.is_normalized("NFC", person.full_name)
    assert person.full_name == " ".join(person.full_name.split())
    assert same_name(person.full_name, typed_name(person))


def test_some_old_records_know_a_year_or_a_month_only() -> None:
    people = [person_at(index) for index in some_people(10_000)]
    by_precision = {kind: [one for one in people if one.date_of_birth_precision == kind] for kind in ("year", "month")}
    assert all(by_precision.values())
    assert all((one.date_of_birth.month, one.date_of_birth.day) == (1, 1) for one in by_precision["year"])
    assert all(one.date_of_birth.day == 1 for one in by_precision["month"])


@given(indices)
def test_contacts_reach_nobody(index: int) -> None:
    """095 has had no carrier since 2013; example.com is reserved by RFC 2606."""
    person = person_at(index)
    mailbox, _, domain = person.email.partition("@")
    assert domain == "example.com"
    assert mailbox.isascii()
    assert str(index) in mailbox
    assert len(person.phone) == 10
    assert person.phone.startswith("095")


@given(indices)
def test_a_subject_leads_back_to_the_person(index: int) -> None:
    assert index_of_subject(subject_of(index)) == index


@given(st.text())
def test_any_other_subject_is_always_the_same_adult(sub: str) -> None:
    person = person_at(index_of_subject(sub))
    assert person_at(index_of_subject(sub)) == person
    assert person.date_of_birth.year <= 2005


def test_the_people_of_the_default_seed_are_these_for_ever() -> None:
    """Other programs compute the same people (tokens, loads): a change here is a change of everybody."""
    first = person_at(0)
    assert (first.identity_number, first.full_name, first.date_of_birth) == (
        "016052213545",
        "Nguyễn Thanh Tỵ",
        date(1952, 3, 24),
    )
    assert subject_of(0) == "person-114ajx"


def test_another_seed_gives_other_people() -> None:
    other = Population("another")
    same = sum(other.person_at(index).identity_number == person_at(index).identity_number for index in range(1000))
    assert same == 0


def test_memory_does_not_grow_with_the_people_that_were_asked_for() -> None:
    tracemalloc.start()
    try:
        population = Population("memory")
        population.person_at(0)
        before = tracemalloc.get_traced_memory()[0]
        for index in some_people(5000):
            population.person_by_number(population.person_at(index).identity_number)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert before < 4_000_000
    assert grown < 100_000
