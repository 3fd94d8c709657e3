"""Problem documents (RFC 9457) in Vietnamese and English; none repeats anything that was sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hoso_chassis.problem_words import ANY_FIELD, FIELD, SEE_DESCRIPTION, STANDARD, Words
from hoso_chassis.tracing import current_ids

MEDIA_TYPE = "application/problem+json"
ERRORS = 30  # are told of one answer: 64 KB of unknown names made an answer of 700 KB


class FieldError(BaseModel):
    """One thing wrong with one field.

    `pointer` is a JSON Pointer (RFC 6901) into the body, or /query/, /path/, /header/ and the parameter's name.
    """

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(description="JSON Pointer (RFC 6901) to the field; only names that the API documents.")
    code: str = Field(description="Stable name of what is wrong.")
    title: str = Field(description="What is wrong, in Vietnamese.")
    title_en: str = Field(description="What is wrong, in English.")


class ProblemDocument(BaseModel):
    """An error as RFC 9457 problem details; further members depend on the type."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="/problems/<slug>; the slug is stable.", examples=["/problems/not-found"])
    title: str = Field(description="What happened, in Vietnamese.")
    title_en: str = Field(description="What happened, in English.")
    detail: str = Field(description="What to do about it, in Vietnamese.")
    detail_en: str = Field(description="What to do about it, in English.")
    status: int = Field(description="The HTTP status.")
    trace_id: str | None = Field(None, description="What to tell the operator.")
    errors: list[FieldError] = Field(default=[], description="What is wrong with which field.")


class Problem(HTTPException):
    """An answer that is a problem; raised anywhere below a request.

    Args:
        status: HTTP status.
        slug: stable name, the last part of the type.
        happened: the title.
        to_do: what the caller can do about it, the detail.
        errors: what is wrong with which field; the first `ERRORS` are told, none twice.
        headers: further response headers.
        extensions: further members of the document; immutable facts, never input.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # the members of a problem document
        self,
        status: int,
        slug: str,
        happened: Words,
        to_do: Words,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(status, slug, headers)
        self.slug, self.happened, self.to_do = slug, happened, to_do
        self.errors, self.extensions = tuple(dict.fromkeys(errors))[:ERRORS], extensions

    def members(self) -> dict[str, object]:
        """Return the document, without what belongs to the request at hand."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.happened[0],
            "title_en": self.happened[1],
            "detail": self.to_do[0],
            "detail_en": self.to_do[1],
            "status": self.status_code,
            **({"errors": [error.model_dump() for error in self.errors]} if self.errors else {}),
            **self.extensions,
        }

    def document(self) -> bytes:
        """Return the JSON text."""
        trace_id = current_ids().get("trace_id")
        return orjson.dumps(self.members() | ({"trace_id": trace_id} if trace_id else {}))

    def response(self) -> Response:
        """Return the HTTP answer."""
        return Response(self.document(), self.status_code, self.headers, MEDIA_TYPE)


def standard(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem that a bare status stands for."""
    if status in STANDARD:
        return Problem(status, *STANDARD[status], headers=headers)
    return Problem(
        status,
        f"http-{status}",
        ("Không thực hiện được yêu cầu", "The request cannot be served"),
        SEE_DESCRIPTION,
        headers=headers,
    )


def field_error(pointer: str, code: str) -> FieldError:
    """Return a field's error with the standard words for its code (pydantic's names)."""
    title, title_en = FIELD.get(code, ANY_FIELD)
    return FieldError(pointer=pointer, code=code.replace("_", "-"), title=title, title_en=title_en)


def _names(node: object) -> Iterator[str]:
    """Yield the names of fields and parameters in (a part of) an OpenAPI document."""
    if isinstance(node, dict):
        found = cast("dict[str, Any]", node)
        yield from found.get("properties", ())
        if "in" in found and "name" in found:
            yield found["name"]
        for value in found.values():
            yield from _names(value)
    elif isinstance(node, list):
        for value in cast("list[object]", node):
            yield from _names(value)


@lru_cache(maxsize=8)
def _documented_names(app: FastAPI) -> frozenset[str]:
    """Return the names that the API documents: these, and no others, may be told back."""
    return frozenset(_names(app.openapi()))


def _pointer(location: Sequence[int | str], known: frozenset[str]) -> str:
    """Return where it is wrong, as far down as the names are ours."""
    parts = [] if location[:1] == ("body",) else [str(location[0])]
    for part in location[1:]:
        if isinstance(part, str) and part not in known:
            break
        parts.append(str(part).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{part}" for part in parts)


def _forget_origin(error: BaseException | None) -> None:
    """Let go of where it was raised: a refusal lingers while it is sent, an upload's buffers there must not."""
    while error is not None:
        cause = error.__cause__ or error.__context__
        error.__traceback__ = error.__cause__ = error.__context__ = None
        error = cause  # asyncio.timeout leaves a cycle of these


async def _answer_http(_request: Request, error: Exception) -> Response:
    _forget_origin(error)
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        return standard(error.status_code, error.headers).response()
    return standard(400).response()  # ClientDisconnect: nobody is left to read it


async def _answer_invalid(request: Request, error: Exception) -> Response:
    details: Sequence[Any] = error.errors() if isinstance(error, RequestValidationError) else ()
    if any(isinstance(detail.get("input"), bytes) and tuple(detail["loc"]) == ("body",) for detail in details):
        return standard(415).response()
    known = _documented_names(request.app)
    errors = (field_error(_pointer(detail["loc"], known), detail["type"]) for detail in details)
    return Problem(422, *STANDARD[422], errors).response()


def install(app: FastAPI) -> None:
    """Answer every refusal of this application with a problem document."""
    for error_type in (HTTPException, ClientDisconnect):
        app.add_exception_handler(error_type, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
