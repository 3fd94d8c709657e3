"""An API's description (OpenAPI 3.1): every answer of every route by name, most of them because of what it takes."""

from collections.abc import Iterator, Mapping
from typing import Any

from hoso_chassis import etags, idempotency, tokens
from hoso_chassis.limits import compressed_body, is_json
from hoso_chassis.problems import MEDIA_TYPE, Problem, ProblemDocument, field_error, standard

ABOUT = """\
Errors are problem documents (RFC 9457) in Vietnamese and English; none repeats what was sent. A route lists every
status it answers, with an example of each `type`. Beside these there is 404 for a path that does not exist, and 405
with `Allow` for a method that a path does not take. Answers are not to be stored by caches unless they say so
themselves.
"""
_EXAMPLES = "#/components/examples/"
_HEADERS: Mapping[str, dict[str, Any]] = {
    "ETag": {"description": "The version told of: goes into If-Match.", "schema": {"pattern": etags.PATTERN}},
    "Location": {"description": "Path of what was made.", "schema": {"format": "uri-reference"}},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "What kind of token is asked for.", "schema": {"pattern": "^Bearer "}},
    "Accept-Encoding": {"description": "Content codings a body may have: none.", "schema": {"const": "identity"}},
    "Accept-Patch": {"description": "Media types a patch may have.", "schema": {}},
    "Cache-Control": {"description": "How long the answer may be kept.", "schema": {}},
    "Content-Length": {"description": "Bytes of the content.", "schema": {"type": "integer", "minimum": 1}},
    "Content-Disposition": {"description": "Always `attachment`.", "schema": {"const": "attachment"}},
    "Content-Security-Policy": {"description": "Lets a browser run nothing of it.", "schema": {}},
}
_NAMES = {name.lower(): name for name in _HEADERS}


def answer(status: int, description: str, *headers: str) -> dict[int | str, dict[str, Any]]:
    """Describe a success, as `responses=` of a route: what it tells and the headers it always has."""
    return {status: {"description": description, "headers": {name: _header(name, always=True) for name in headers}}}


def problem_responses(*refusals: int | Problem) -> dict[int | str, dict[str, Any]]:
    """Describe refusals, as `responses=` of a route or router; a bare status is its standard problem.

    What follows from the token, the headers and the body a route takes need not be named: `complete` adds it.
    """
    found: dict[int | str, dict[str, Any]] = {}
    for one in refusals:
        problem = standard(one) if isinstance(one, int) else one
        described = _described(problem)
        if problem.status_code in found:
            _add(found[problem.status_code], described)
        else:
            found[problem.status_code] = described
    return found


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to FastAPI's description what every service has, in place, and return it."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}), ProblemDocument=problem)
    for foreign in ("HTTPValidationError", "ValidationError"):
        schemas.pop(foreign, None)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    examples: dict[str, Any] = components.setdefault("examples", {})
    for operation in operations:  # the services' own examples go before the chassis'
        _drop_foreign(operation["responses"])
        _hoist(operation["responses"], examples)
    for operation in operations:
        _require_headers(operation)
        _add_following(operation)
        _hoist(operation["responses"], examples)
    return document


def _described(problem: Problem) -> dict[str, Any]:
    example = {"summary": problem.happened[1], "value": problem.members()}
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    described: dict[str, Any] = {
        "description": standard(problem.status_code).happened[1],
        "content": {MEDIA_TYPE: {"schema": schema, "examples": {problem.slug: example}}},
    }
    if problem.headers:
        described["headers"] = {_NAMES[name]: _header(_NAMES[name], always=True) for name in problem.headers}
    return described


def _header(name: str, *, always: bool) -> dict[str, Any]:
    told = _HEADERS[name]
    return {"description": told["description"], "required": always, "schema": {"type": "string"} | told["schema"]}


def _add(response: dict[str, Any], more: dict[str, Any]) -> None:
    """Let a response be one more problem too; a header that only some of them have is not always there."""
    examples = response["content"][MEDIA_TYPE]["examples"]
    for slug, example in more["content"][MEDIA_TYPE]["examples"].items():
        examples.setdefault(slug, example)
    here, there = response.get("headers", {}), more.get("headers", {})
    headers = {
        name: _header(name, always=all(side.get(name, {}).get("required", False) for side in (here, there)))
        for name in sorted({*here, *there})
    }
    if headers:
        response["headers"] = headers


def _drop_foreign(responses: dict[str, Any]) -> None:
    """Drop what FastAPI says of 422: it is answered by a problem like all others."""
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]


def _hoist(responses: dict[str, Any], examples: dict[str, Any]) -> None:
    """Move the examples of problems to where all routes share them."""
    for response in responses.values():
        media = response.get("content", {}).get(MEDIA_TYPE, {})
        for slug, example in media.get("examples", {}).items():
            if "value" in example:
                examples.setdefault(slug, example)
        media.get("examples", {}).update({slug: {"$ref": _EXAMPLES + slug} for slug in media.get("examples", ())})


def _require_headers(operation: dict[str, Any]) -> None:
    """Say that headers must be there: they are optional to FastAPI only so that a problem of their own tells of it."""
    for parameter in operation.get("parameters", ()):
        parameter["required"] |= parameter["in"] == "header"


def _add_following(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status, response in problem_responses(*_following(operation)).items():
        if str(status) in responses:
            _add(responses[str(status)], response)
        else:
            responses[str(status)] = response


def _following(operation: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems that follow from what an operation takes."""
    # A head cut short, too large or too slow, a NUL in the path, the database away, a server that stops: any route.
    yield from map(standard, (400, 408, 431, 500))
    yield standard(503, {"retry-after": "1"})
    if "security" in operation:
        yield from tokens.refusals()
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    takes_json = any(map(is_json, operation.get("requestBody", {}).get("content", ())))
    if takes_json:
        yield from map(standard, (413, 415))
    if "requestBody" in operation:
        yield compressed_body()
    if takes_json or places & {"path", "query"}:
        yield _invalid()
    if "Idempotency-Key" in names:
        yield from idempotency.refusals()
    if "If-Match" in names:
        yield from etags.refusals()


def _invalid() -> Problem:
    problem = standard(422)
    problem.errors = (field_error("/some_field", "missing"),)
    return problem
