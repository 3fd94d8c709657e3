"""What every answer of an API must be, whatever was sent: documented, in both languages, silent about the request."""

from collections.abc import Mapping
from typing import Any, Final

from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from support.leaks import Sent, headers_sent, repeated
from support.refusals import assert_bilingual

CONFORMANCE: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
SYNTACTIC: Final = frozenset({"malformed-request", "malformed-form", "if-match-malformed", "if-match-missing"}) | {
    f"idempotency-key-{why}" for why in ("missing", "malformed")
}
"""Refusals that only what is against the schema may meet."""


def check(case: Case, answer: Response, sent: Sent, operation: Mapping[str, Any], *, valid: bool) -> None:
    """Hold an answer against everything that must be so; what is `valid` by the schema is no malformed request."""
    theirs = sent.take(
        case.path_parameters, case.query, case.cookies, headers_sent(case.headers), case.body, answer.request.url
    )
    sent.take(headers_sent(answer.request.headers))
    if case.method != case.operation.method.upper():
        _assert_not_allowed(answer)
    else:
        case.validate_response(answer, checks=CONFORMANCE)
    if answer.status_code >= 400:
        slug = _assert_problem(answer)
        if case.method == case.operation.method.upper():
            content = operation["responses"][str(answer.status_code)]["content"]["application/problem+json"]
            assert slug in content["examples"], f"{slug} is not described"
            assert not (valid and slug in SYNTACTIC), f"what the description allows is refused: {slug}"
        told = answer.text + "".join(f"\n{name}: {value}" for name, value in answer.headers.items())
        assert not repeated(theirs, told), f"the answer repeats {repeated(theirs, told)}"


def _assert_not_allowed(answer: Response) -> None:
    assert answer.status_code == 405, answer.status_code
    assert answer.headers["allow"], "a refused method is not told which there are"


def _assert_problem(answer: Response) -> str:
    """It is a problem document in both languages; return its slug."""
    assert answer.headers["content-type"] == ["application/problem+json"]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    for words in (problem, *problem.get("errors", ())):
        assert_bilingual(words["title"], words["title_en"])
    return str(problem["type"]).removeprefix("/problems/")
