"""The committed descriptions of both HTTP APIs name every answer, with an example of each problem and every header."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hoso_chassis.problems import ProblemDocument
from support.openapi_documents import DOCUMENTS
from support.refusals import assert_bilingual

SERVICES: Final = Path(__file__).parents[2] / "services"
DESCRIPTIONS: Final = {
    name: json.loads((SERVICES / name / "openapi.json").read_text("utf-8")) for name in ("dossier", "storage")
}
OPERATIONS: Final = {
    f"{method.upper()} {path}": (operation, description["components"])
    for description in DESCRIPTIONS.values()
    for path, methods in description["paths"].items()
    for method, operation in methods.items()
}
EVERYWHERE: Final = {"400", "408", "431", "500", "503"}

every_route = pytest.mark.parametrize("route", sorted(OPERATIONS))


def refusals(route: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Status and response of each refusal of a route."""
    responses: dict[str, dict[str, Any]] = OPERATIONS[route][0]["responses"]
    return ((status, response) for status, response in responses.items() if status >= "4")


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.parent.name)
def test_the_committed_description_is_the_one_that_the_code_gives(file: Path, tmp_path: Path) -> None:
    assert file.read_text("utf-8") == DOCUMENTS[file](tmp_path), "`make contracts` writes it anew"


@every_route
def test_every_answer_is_named_and_none_hides_in_default(route: str) -> None:
    statuses = set(OPERATIONS[route][0]["responses"])
    assert all(status.isdecimal() for status in statuses)
    assert statuses >= EVERYWHERE
    assert len([status for status in statuses if status < "3"]) == 1


@every_route
def test_every_refusal_is_a_problem_with_examples_in_both_languages(route: str) -> None:
    examples = OPERATIONS[route][1]["examples"]
    for status, response in refusals(route):
        ((media_type, content),) = response["content"].items()
        assert media_type == "application/problem+json"
        assert content["examples"]
        for slug, reference in content["examples"].items():
            assert reference == {"$ref": f"#/components/examples/{slug}"}
            problem = ProblemDocument.model_validate(examples[slug]["value"], strict=True)
            assert (problem.type, str(problem.status)) == (f"/problems/{slug}", status)
            for told in (problem, *problem.errors):
                assert_bilingual(told.title, told.title_en)
            assert_bilingual(problem.detail, problem.detail_en)


@every_route
def test_every_parameter_that_is_refused_when_missing_is_required(route: str) -> None:
    for parameter in OPERATIONS[route][0].get("parameters", ()):
        assert parameter["required"], parameter["name"]
        assert parameter["schema"]["type"] == "string"


@every_route
def test_a_success_is_described_in_its_own_words_with_its_headers(route: str) -> None:
    status, success = next(one for one in OPERATIONS[route][0]["responses"].items() if one[0] < "3")
    assert success["description"] not in {"", "Successful Response"}
    assert ("Location" in success.get("headers", ())) == (status == "201")
    for name, header in success.get("headers", {}).items():
        assert header["required"], name
        assert header["description"], name


@every_route
def test_who_is_told_to_come_again_or_to_log_in_is_told_how(route: str) -> None:
    headers = {status: response.get("headers", {}) for status, response in refusals(route)}
    assert headers["503"]["Retry-After"]["required"]
    if "401" in headers:
        assert headers["401"]["WWW-Authenticate"]["required"]
    if "412" in headers:
        assert headers["412"]["ETag"]["required"]


def test_the_same_problem_has_the_same_words_everywhere() -> None:
    dossier, storage = (DESCRIPTIONS[name]["components"]["examples"] for name in ("dossier", "storage"))
    for slug in {*dossier} & {*storage}:
        for name in ("title", "title_en", "detail", "detail_en"):
            assert dossier[slug]["value"][name] == storage[slug]["value"][name], slug
