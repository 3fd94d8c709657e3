"""Requests made from the committed descriptions, after the schema and against it, aimed at things that are there."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid4

import schemathesis
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import NO_FEEDBACK

from support.fuzz_world import World
from support.storage_samples import content_type, form

SERVICES: Final = Path(__file__).parents[2] / "services"
DOCUMENTED: Final = {name: (SERVICES / name / "openapi.json").read_text("utf-8") for name in ("dossier", "storage")}
UPLOAD: Final = "POST /v1/attachments"


@cache
def _schema(service: str, mode: GenerationMode, tokens: bool) -> BaseSchema:  # noqa: FBT001  # part of the key
    config = SchemathesisConfig.from_dict(
        {
            # No schema can say that a text holds no NUL.
            "generation": {
                "allow-x00": mode is GenerationMode.NEGATIVE,
                "with-security-parameters": tokens,
            },
            # 413: what has too many items may also be too large.
            "checks": {"negative_data_rejection": {"expected-statuses": list(range(400, 432))}},
        }
    )
    return schemathesis.openapi.from_dict(json.loads(DOCUMENTED[service]), config=config)


ROUTES: Final = tuple(
    (service, f"{method.upper()} {path}")
    for service, text in DOCUMENTED.items()
    for path, methods in json.loads(text)["paths"].items()
    for method in methods
)
"""Service and route of everything that is described."""


def operation_of(
    service: str, route: str, mode: GenerationMode = GenerationMode.POSITIVE, *, tokens: bool
) -> APIOperation:
    """The route as it is described; with tokens its cases bring made-up ones."""
    method, _, path = route.partition(" ")
    return _schema(service, mode, tokens)[path][method]


def systematic(service: str, route: str, *, tokens: bool) -> list[Case]:
    """Each boundary and each thing left out, of another type or unexpected, one at a time; other methods too."""
    mode = GenerationMode.NEGATIVE
    schema, operation = _schema(service, mode, tokens), operation_of(service, route, mode, tokens=tokens)
    return list(
        schema.iter_coverage_cases(
            operation, generation_modes=list(GenerationMode), generation_config=schema.config.generation
        )
    )


def whole(service: str, route: str, world: World) -> Case:
    """The request that succeeds, if the caller is one who may send it."""
    operation = operation_of(service, route, tokens=False)
    taken = {one["name"]: one["in"] for one in described(service, route).get("parameters", ())}
    named = [name for name, place in taken.items() if place == "path"]
    headers = {"Idempotency-Key": uuid4().hex} if "Idempotency-Key" in taken else {}
    if "If-Match" in taken:
        headers["If-Match"] = world.etags[named[0]]
    parts: dict[str, Any] = {"headers": headers, "path_parameters": {name: world.named[name][0] for name in named}}
    if route == UPLOAD:
        parts |= {"body": form(uuid4(), world.bodies[route][0]), "media_type": "multipart/form-data"}
        headers["Content-Type"] = content_type()
    elif route in world.bodies:
        parts |= {"body": world.bodies[route][0], "media_type": "application/json"}
    parts["query"] = {name: world.asked[name][0] for name, place in taken.items() if place == "query"}
    return operation.Case(**parts)


def aim(case: Case, world: World, turn: int) -> Case:
    """Let a systematic case be about something that is there, where nothing is wrong with its parameter."""
    for name, value in case.path_parameters.items():
        if name in world.named and _is_uuid(value):
            case.path_parameters[name] = world.named[name][turn % len(world.named[name])]
    if case.headers.get("If-Match") == "":  # what the library takes for an ETag
        case.headers["If-Match"] = f'"{turn % 2 + 1}"'
    if case.headers.get("Idempotency-Key"):
        case.headers["Idempotency-Key"] += uuid4().hex
    return case


def _is_uuid(value: object) -> bool:
    try:
        return str(UUID(str(value))) == value
    except ValueError:
        return False


@st.composite
def aimed(draw: st.DrawFn, operation: APIOperation, mode: GenerationMode, world: World) -> Case:
    """A case as it is generated, or with some of its parts replaced by such as reach deep code."""
    case = draw(operation.as_strategy(mode, feedback=NO_FEEDBACK))
    route = f"{case.method} {case.path}"
    for values, there in ((case.path_parameters, world.named), (case.query, world.asked)):
        for name in [name for name in values if name in there]:
            values[name] = draw(_or(values[name], there[name]))
    if "If-Match" in case.headers:
        case.headers["If-Match"] = draw(_or(case.headers["If-Match"], [*world.etags.values()]))
    if route == UPLOAD:
        return _upload(draw, case, world)
    if route in world.bodies:
        case.body = draw(_or(case.body, world.bodies[route]))
        case.media_type = case.media_type or "application/json"
    return case


def _or(value: Any, others: list[Any]) -> st.SearchStrategy[Any]:
    """What it is, the first of the others, or any of them: each a third of the time."""
    return st.one_of(st.just(value), st.just(others[0]), st.sampled_from(others))


def _upload(draw: st.DrawFn, case: Case, world: World) -> Case:
    """Send a real file in a form of ours every other time, since no generated text is a PDF."""
    given: Any = case.body
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", given) if isinstance(given, dict) else {}
    if not {"draft_id", "component"} <= set(fields) or draw(st.booleans()):
        return case
    content: bytes = draw(st.sampled_from(world.bodies[UPLOAD]))
    body = form(str(fields["draft_id"]), content, str(fields["component"]))
    headers = {**case.headers, "Content-Type": content_type()}
    return case.operation.Case(headers=headers, body=body, media_type="multipart/form-data")


def described(service: str, route: str) -> dict[str, Any]:
    """The route's part of the description."""
    method, _, path = route.partition(" ")
    return json.loads(DOCUMENTED[service])["paths"][path][method.lower()]
