"""What the local stack's citizen types is what the form of procedure 1.004194 takes."""

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from hoso_dossier.forms import Form
from hoso_dossier.identity_numbers import Profile
from hoso_dossier.procedures import catalogue
from hoso_dossier.residence import Answers
from hoso_dossier.texts import stored
from hoso_population_mock.people import person_at, typed_name
from hoso_stack.story import COMPONENT, PROCEDURE, answers_of

TODAY = date(2026, 11, 24)


def typed(index: int) -> dict[str, Any]:
    person = person_at(index)
    return answers_of(
        asdict(person) | {"full_name": typed_name(person), "date_of_birth": person.date_of_birth.isoformat()}
    )


@pytest.mark.parametrize("index", [0, 1, *range(1000, 98_700_000, 300_007)])
def test_the_answers_of_the_story_are_valid_whoever_gives_them(index: int) -> None:
    answers = stored(typed(index))  # as submission does it
    flaws = Form(catalogue().current[PROCEDURE].form).find_flaws(answers)
    checked = Answers(answers, flaws, Profile.SYNTHETIC, TODAY)
    assert [*flaws, *checked.find_flaws()] == []
    assert {one.channel for one in checked.application().contacts} == {"email", "sms"}


def test_the_story_uploads_the_paper_that_the_procedure_demands() -> None:
    assert catalogue().current[PROCEDURE].mandatory_components == (COMPONENT,)
