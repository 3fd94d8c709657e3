"""Which version somebody has seen: ETag out, If-Match in (RFC 9110); strong tags of one version number only."""

import re
from typing import Annotated

from fastapi import Header
from pydantic import WithJsonSchema
from starlette.requests import Request

from hoso_chassis.problems import Problem, standard

PATTERN = r'^"(0|[1-9][0-9]{0,17})"$'
_ETAG = re.compile(PATTERN)
_SCHEMA = {"type": "string", "pattern": PATTERN, "examples": ['"1"']}


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def _malformed() -> Problem:
    return Problem(
        400,
        "if-match-malformed",
        ("Tiêu đề If-Match không hợp lệ", "The If-Match header is malformed"),
        (
            "Gửi đúng một ETag đã nhận từ hệ thống, cả dấu ngoặc kép, không phải * hay danh sách",
            "Send exactly one ETag that was given here, with its quotes; no list, no * and no weak tag",
        ),
    )


def refusals() -> tuple[Problem, ...]:
    """Return what a route that takes If-Match answers for its sake."""
    return _malformed(), standard(428), standard(412, {"etag": etag(2)})


async def if_match(
    request: Request,
    value: Annotated[
        str | None, WithJsonSchema(_SCHEMA), Header(alias="If-Match", description="The ETag last seen.")
    ] = None,
) -> int:
    """Return the version the caller has seen (a FastAPI dependency).

    Raises:
        Problem: 428 if-match-missing, 400 if-match-malformed (a list, `*`, weak tags and a second header too).
    """
    if value is None:
        raise standard(428)
    found = _ETAG.fullmatch(value.strip())
    if found is None or len(request.headers.getlist("if-match")) > 1:  # two lines are a list (RFC 9110, section 5.3)
        raise _malformed()
    return int(found[1])


def check_version(seen: int, current: int) -> None:
    """Raise Problem 412 version-changed unless the caller has seen the current version."""
    if seen != current:
        raise standard(412, {"etag": etag(current)})
