"""Problem documents (RFC 9457) with Vietnamese and English titles: they never repeat what was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request.

    Attributes:
        pointer: where: a JSON Pointer into the body, or /query/ and the parameter's name.
    """

    pointer: str
    code: str
    title: str
    title_en: str


class Problem(Exception):
    """A request that ends with a problem document of type ``/problems/<slug>``."""

    def __init__(  # noqa: PLR0913 - the members of the document
        self,
        status: int,
        slug: str,
        title: str,
        title_en: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(slug)
        self.status = status
        self.slug = slug
        self.title = title
        self.title_en = title_en
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Return the problem as an HTTP answer."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.slug}",
            "title": self.title,
            "title_en": self.title_en,
            "status": self.status,
        }
        if self.errors:
            document["errors"] = [
                {"pointer": each.pointer, "code": each.code, "title": each.title, "title_en": each.title_en}
                for each in self.errors
            ]
        return JSONResponse(document, self.status, self.headers, "application/problem+json")


def not_json() -> Problem:
    """Return the problem of a body that is no JSON object."""
    return Problem(400, "not-json", "Nội dung gửi lên không phải là đối tượng JSON", "The body is not a JSON object")


def invalid(errors: Sequence[Fault]) -> Problem:
    """Return the problem of a request whose values cannot be accepted."""
    return Problem(422, "invalid-request", "Dữ liệu gửi lên không hợp lệ", "The request is not valid", errors=errors)


async def answer_problem(_: Request, error: Exception) -> JSONResponse:
    """Answer a request that was ended by raising a Problem."""
    if not isinstance(error, Problem):
        raise TypeError("only problems come here")
    return error.response()


async def answer_http_error(_: Request, error: Exception) -> JSONResponse:
    """Answer what the router refuses: no such path, or another method."""
    if not isinstance(error, HTTPException):
        raise TypeError("only the router's errors come here")
    slug, title, title_en = _ROUTER_ERRORS.get(error.status_code, _OTHER_ERROR)
    return Problem(error.status_code, slug, title, title_en, headers=error.headers).response()


async def answer_bug(_: Request, _error: Exception) -> JSONResponse:
    """Answer a request that met a bug of the mock; the server logs the traceback."""
    return Problem(500, "internal-error", "Lỗi hệ thống", "Internal error").response()


_OTHER_ERROR = ("request-refused", "Yêu cầu bị từ chối", "The request was refused")
_ROUTER_ERRORS = {
    404: ("not-found", "Không tìm thấy", "Not found"),
    405: ("method-not-allowed", "Phương thức không được hỗ trợ", "The method is not allowed here"),
}
