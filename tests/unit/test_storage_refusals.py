"""What citizens read when storage says no: in both languages, polite, one sentence, and nothing that was sent."""

import inspect
import re
from unicodedata import is_normalized

import pytest

from hoso_chassis.problems import Problem
from hoso_storage import refusals

OWN = {
    name: make("component") if inspect.signature(make).parameters else make()
    for name, make in inspect.getmembers(refusals, inspect.isfunction)
    if make.__module__ == refusals.__name__
}


@pytest.mark.parametrize("problem", OWN.values(), ids=OWN)
def test_a_refusal_is_one_polite_sentence_in_both_languages_and_so_is_what_to_do(problem: Problem) -> None:
    for vietnamese, english in (problem.happened, problem.to_do):
        assert is_normalized("NFC", vietnamese)
        assert not re.search(r"\bbạn\b|[.!]$|  ", vietnamese, re.IGNORECASE)
        assert re.search(r"[ạảãáàăắằẳẵặâấầẩẫậđêếềểễệịỉĩíìôốồổỗộơớờởỡợụủũúùưứừửữựỵỷỹýỳ]", vietnamese)
        assert vietnamese[0].isupper()
        assert english.isascii()
        assert not english.endswith(".")


@pytest.mark.parametrize("name", [name for name, problem in OWN.items() if problem.status_code in {429, 503}])
def test_who_shall_come_again_is_told_when(name: str) -> None:
    assert ("retry-after" in (OWN[name].headers or ())) == (name != "too_many_in_draft")
