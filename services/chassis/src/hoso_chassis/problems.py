"""Problem documents (RFC 9457) in Vietnamese and English; none repeats anything that was sent."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hoso_chassis.tracing import current_ids

MEDIA_TYPE = "application/problem+json"


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
    status: int = Field(description="The HTTP status.")
    trace_id: str | None = Field(None, description="What to tell the operator.")
    errors: list[FieldError] = Field(default=[], description="What is wrong with which field.")


class Problem(HTTPException):
    """An answer that is a problem; raised anywhere below a request.

    Args:
        status: HTTP status.
        slug: stable name, the last part of the type.
        title: for people, in Vietnamese.
        title_en: the same in English.
        errors: what is wrong with which field.
        headers: further response headers.
        extensions: further members of the document; immutable facts, never input.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # the members of a problem document
        self,
        status: int,
        slug: str,
        title: str,
        title_en: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(status, slug, headers)
        self.slug, self.title, self.title_en = slug, title, title_en
        self.errors, self.extensions = tuple(errors), extensions

    def members(self) -> dict[str, object]:
        """Return the document, without what belongs to the request at hand."""
        return {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "title_en": self.title_en,
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


_BY_STATUS = {
    400: ("malformed-request", "Yêu cầu không đúng định dạng", "The request is malformed"),
    401: ("token-missing", "Cần đăng nhập để thực hiện yêu cầu này", "An access token is needed"),
    403: ("forbidden", "Ông/Bà không có quyền thực hiện việc này", "This is not allowed to you"),
    404: ("not-found", "Không tìm thấy nội dung được yêu cầu", "There is nothing here"),
    405: ("method-not-allowed", "Phương thức không được hỗ trợ", "The method is not supported here"),
    408: ("request-timeout", "Yêu cầu gửi lên quá chậm", "The request took too long to arrive"),
    409: ("conflict", "Yêu cầu không phù hợp với trạng thái hiện tại", "The current state does not allow this"),
    412: ("version-changed", "Nội dung đã được thay đổi, xin tải lại", "It has changed meanwhile: load it again"),
    413: ("body-too-large", "Nội dung gửi lên vượt quá dung lượng cho phép", "The body is too large"),
    415: ("unsupported-media-type", "Kiểu nội dung không được hỗ trợ", "The media type is not supported here"),
    422: ("invalid-request", "Thông tin gửi lên chưa hợp lệ", "What was sent is not valid"),
    428: ("if-match-missing", "Thiếu tiêu đề If-Match", "The If-Match header is missing"),
    429: ("too-many-requests", "Quá nhiều yêu cầu, xin thử lại sau", "Too many requests: try again later"),
    431: ("headers-too-large", "Phần tiêu đề của yêu cầu quá lớn", "The request's headers are too large"),
    500: ("internal-error", "Hệ thống gặp lỗi, xin thử lại sau", "Something is wrong here: try again later"),
    503: ("unavailable", "Dịch vụ tạm thời chưa sẵn sàng, xin thử lại sau", "Not available now: try again later"),
}
_FIELD = {
    "missing": ("Thiếu thông tin bắt buộc", "This is required"),
    "extra_forbidden": ("Có thông tin không được chấp nhận", "An unknown field is not accepted"),
    "string_too_long": ("Quá dài", "Too long"),
    "string_too_short": ("Quá ngắn", "Too short"),
    "string_pattern_mismatch": ("Không đúng mẫu", "Not of the right form"),
}
_ANY_FIELD = ("Giá trị không hợp lệ", "Not a valid value")


def standard(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """Return the problem that a bare status stands for."""
    slug, title, title_en = _BY_STATUS.get(status, (f"http-{status}", "Không thực hiện được yêu cầu", "Not possible"))
    return Problem(status, slug, title, title_en, headers=headers)


def field_error(pointer: str, code: str) -> FieldError:
    """Return a field's error with the standard words for its code (pydantic's names)."""
    title, title_en = _FIELD.get(code, _ANY_FIELD)
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


async def _answer_http(_request: Request, error: Exception) -> Response:
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
    problem = standard(422)
    problem.errors = tuple(field_error(_pointer(detail["loc"], known), detail["type"]) for detail in details)
    return problem.response()


def install(app: FastAPI) -> None:
    """Answer every refusal of this application with a problem document."""
    for error_type in (HTTPException, ClientDisconnect):
        app.add_exception_handler(error_type, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
