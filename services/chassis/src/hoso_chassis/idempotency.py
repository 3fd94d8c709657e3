"""The same Idempotency-Key gets the same answer: kept in the effect's own transaction, made again from fixed facts."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Header
from pydantic import WithJsonSchema
from starlette.requests import Request

from hoso_chassis import metrics
from hoso_chassis.postgres import Connection
from hoso_chassis.problems import Problem
from hoso_chassis.routes import route_template

JSON = str | int | float | bool | None | Sequence["JSON"] | Mapping[str, "JSON"]
_PATTERN = r"^[\x21-\x7e]{1,255}$"
_KEY = re.compile(_PATTERN)
_SCHEMA = {"type": "string", "pattern": _PATTERN, "examples": ["0199f2d1-6f7e-7cc2-8f51-6a3f0f4d2c11"]}

FIND = """
SELECT digest, facts::text AS facts FROM idempotency
WHERE scope = $1 AND created_at > now() - interval '24 hours'
"""
KEEP = """
INSERT INTO idempotency (scope, digest, facts) VALUES ($1, $2, $3::text::jsonb)
ON CONFLICT (scope) DO UPDATE SET digest = excluded.digest, facts = excluded.facts, created_at = excluded.created_at
"""
FORGET = """
WITH gone AS (
    DELETE FROM idempotency WHERE scope IN (
        SELECT scope FROM idempotency WHERE created_at < now() - interval '24 hours' LIMIT $1 FOR UPDATE SKIP LOCKED
    ) RETURNING 1
)
SELECT count(*) FROM gone
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose key it is and for what: another person, method or route may use the same key.

    Attributes:
        subject: the caller.
        method: HTTP method.
        route: the route's template; ids in the path belong into the digest.
        key: the Idempotency-Key.
    """

    subject: str
    method: str
    route: str
    key: str

    @classmethod
    def of(cls, request: Request, subject: str, key: str) -> Self:
        """Make the scope of the request at hand."""
        return cls(subject, request.method, route_template(request.scope), key)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the four parts: what the row and the lock are found by."""
        return digest(b"", self.subject, self.method, self.route, self.key)


def digest(body: "bytes | JSON", *parts: str) -> bytes:
    """Return SHA-256 over what makes requests the same: the body (JSON: whatever the order of its keys) and more parts.

    Each part is preceded by its length, so that no two lists of parts look alike.
    """
    raw = body if isinstance(body, bytes) else json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    found = hashlib.sha256()
    for part in (raw, *(part.encode() for part in parts)):
        found.update(len(part).to_bytes(8, "big") + part)
    return found.digest()


def _missing() -> Problem:
    return Problem(
        400,
        "idempotency-key-missing",
        ("Thiếu tiêu đề Idempotency-Key", "The Idempotency-Key header is missing"),
        (
            "Gửi kèm tiêu đề Idempotency-Key, ví dụ một UUID mới cho mỗi thao tác",
            "Send the header Idempotency-Key, such as a new UUID for everything that is to happen once",
        ),
    )


def _malformed() -> Problem:
    return Problem(
        400,
        "idempotency-key-malformed",
        ("Tiêu đề Idempotency-Key không hợp lệ", "The Idempotency-Key header is malformed"),
        (
            "Gửi đúng một key gồm 1 đến 255 ký tự ASCII nhìn thấy được",
            "Send one key of 1 to 255 visible ASCII characters",
        ),
    )


def in_flight() -> Problem:
    """409: the same key is being handled right now."""
    return Problem(
        409,
        "idempotency-key-in-flight",
        (
            "Yêu cầu trước với cùng Idempotency-Key đang được xử lý",
            "A request with this Idempotency-Key is still being handled",
        ),
        (
            "Chờ số giây nêu ở Retry-After rồi gửi lại với cùng Idempotency-Key để nhận kết quả",
            "Wait as many seconds as Retry-After says and send it again with the same key: it gets the answer",
        ),
        headers={"retry-after": "1"},
    )


def _reused() -> Problem:
    return Problem(
        422,
        "idempotency-key-reused",
        ("Idempotency-Key đã được dùng cho một yêu cầu khác", "This Idempotency-Key was used for another request"),
        (
            "Dùng key mới cho yêu cầu mới; key cũ chỉ gửi lại cùng nội dung cũ",
            "Use a new key for a new request; a used one only with exactly what was sent with it",
        ),
    )


def refusals() -> tuple[Problem, ...]:
    """Return what a route that takes an Idempotency-Key answers for its sake."""
    return _missing(), _malformed(), in_flight(), _reused()


async def idempotency_key(
    request: Request,
    value: Annotated[
        str | None,
        WithJsonSchema(_SCHEMA),
        Header(
            alias="Idempotency-Key",
            description="1 to 255 visible ASCII characters, new for every effect: sent again, it gets the same answer.",
        ),
    ] = None,
) -> str:
    """Return the request's Idempotency-Key (a FastAPI dependency).

    Raises:
        Problem: 400 idempotency-key-missing or idempotency-key-malformed.
    """
    if value is None:
        raise _missing()
    if not _KEY.fullmatch(value) or len(request.headers.getlist("idempotency-key")) > 1:  # which of the two?
        raise _malformed()
    return value


async def claim(connection: Connection, scope: Scope, digest: bytes) -> dict[str, JSON] | None:
    """Take the key for the transaction at hand; return the facts kept for it, or None when the effect is yet to happen.

    Must run inside the effect's transaction, at READ COMMITTED, before the effect.

    Raises:
        Problem: 409 idempotency-key-in-flight while another transaction has the key, 422 idempotency-key-reused when
            it was used for something else.
    """
    number = int.from_bytes(scope.hash[:8], "big", signed=True)
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", number):
        raise in_flight()
    row = await connection.fetchrow(FIND, scope.hash)
    if row is None:
        return None
    if row["digest"] != digest:
        raise _reused()
    metrics.REPLAYS.add(route=scope.route)
    return json.loads(row["facts"])


async def keep(connection: Connection, scope: Scope, digest: bytes, facts: Mapping[str, JSON]) -> None:
    """Keep the immutable facts of the answer, in the effect's transaction; an expired row is replaced."""
    await connection.execute(KEEP, scope.hash, digest, json.dumps(facts))


async def forget_expired(connection: Connection, limit: int = 1000) -> int:
    """Delete at most `limit` rows older than 24 hours; return how many."""
    return await connection.fetchval(FORGET, limit)
