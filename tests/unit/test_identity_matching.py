"""A declaration is one person of the register when number, name and date of birth all agree."""

from dataclasses import replace
from datetime import date

import pytest

from hoso_identity.matching import Declaration, Precision, RegisteredPerson, matches
from hoso_population_mock.people import Population, typed_name

DECLARED = Declaration(identity_number="003090000001", full_name="TRẦN THỊ HOÀ", date_of_birth=date(1990, 3, 7))
REGISTERED = RegisteredPerson("003090000001", "Trần Thị Hòa", date(1990, 3, 7), "day")


def test_all_three_agree() -> None:
    assert matches(DECLARED, REGISTERED)


@pytest.mark.parametrize(
    "registered",
    [
        replace(REGISTERED, identity_number="003090000002"),
        replace(REGISTERED, full_name="Trần Thị Hoa"),
        replace(REGISTERED, full_name="\u200b"),
        replace(REGISTERED, date_of_birth=date(1990, 3, 8)),
    ],
    ids=["number", "name", "nameless", "birth"],
)
def test_one_that_differs_is_no_match(registered: RegisteredPerson) -> None:
    assert not matches(DECLARED, registered)


@pytest.mark.parametrize(
    ("precision", "known", "declared", "same"),
    [
        ("day", date(1950, 1, 1), date(1950, 1, 1), True),
        ("day", date(1950, 1, 1), date(1950, 1, 2), False),
        ("month", date(1950, 4, 1), date(1950, 4, 30), True),
        ("month", date(1950, 4, 1), date(1950, 5, 1), False),
        ("month", date(1950, 4, 1), date(1951, 4, 1), False),
        ("year", date(1950, 1, 1), date(1950, 12, 31), True),
        ("year", date(1950, 1, 1), date(1951, 1, 1), False),
        ("year", date(1950, 1, 1), date(1949, 12, 31), False),
    ],
)
def test_so_much_of_the_date_is_compared_as_the_register_knows(
    precision: Precision, known: date, declared: date, *, same: bool
) -> None:
    registered = replace(REGISTERED, date_of_birth=known, date_of_birth_precision=precision)
    assert matches(DECLARED.model_copy(update={"date_of_birth": declared}), registered) is same


def test_nothing_of_a_person_shows_in_a_repr() -> None:
    shown = repr(DECLARED) + str(DECLARED) + repr(REGISTERED)
    for value in ("003090000001", "TRẦN", "Trần", "1990"):
        assert value not in shown


def test_what_people_type_matches_what_the_register_has() -> None:
    population = Population()
    people = [population.person_at(index * 49_339) for index in range(2000)]
    assert len({typed_name(person) != person.full_name for person in people}) == 2
    for person in people:
        declared = Declaration(
            identity_number=person.identity_number,
            full_name=typed_name(person),
            date_of_birth=person.date_of_birth,
        )
        registered = RegisteredPerson(
            person.identity_number, person.full_name, person.date_of_birth, person.date_of_birth_precision
        )
        assert matches(declared, registered), person.index
