"""Idempotency keys: their shape, their scope, and what a repeated one is answered."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

import httpx
import pytest
from fastapi import APIRouter, Depends, Request

from hoso_chassis import idempotency
from hoso_chassis.health import Health
from hoso_chassis.http import create_app
from hoso_chassis.idempotency import Scope, claim, digest, forget_expired, idempotency_key, keep
from hoso_chassis.postgres import Connection
from hoso_chassis.problems import Problem

SCOPE = Scope("p-1", "POST", "/v1/drafts", "k-1")
DAY = timedelta(hours=24)


class Table:
    """The idempotency table and its advisory locks, as several transactions see them."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, tzinfo=UTC)
        self.rows: dict[bytes, tuple[bytes, str, datetime]] = {}
        self.locked: set[int] = set()

    def transaction(self) -> Connection:
        return cast("Connection", Transaction(self))


class Transaction:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.mine: set[int] = set()

    async def fetchval(self, query: str, *args: Any) -> Any:
        if "pg_try_advisory_xact_lock" in query:
            if args[0] in self.table.locked - self.mine:
                return False
            self.table.locked.add(args[0])
            self.mine.add(args[0])
            return True
        assert query == idempotency.FORGET
        old = [scope for scope, row in self.table.rows.items() if row[2] <= self.table.now - DAY][: args[0]]
        for scope in old:
            del self.table.rows[scope]
        return len(old)

    async def fetchrow(self, query: str, scope: bytes) -> Mapping[str, Any] | None:
        assert query == idempotency.FIND
        row = self.table.rows.get(scope)
        return {"digest": row[0], "facts": row[1]} if row and row[2] > self.table.now - DAY else None

    async def execute(self, query: str, scope: bytes, digest: bytes, facts: str) -> None:
        assert query == idempotency.KEEP
        self.table.rows[scope] = (digest, facts, self.table.now)

    def commit(self) -> None:
        self.table.locked -= self.mine


@pytest.fixture
def table() -> Table:
    return Table()


def commit(connection: Connection) -> None:
    cast("Transaction", connection).commit()


async def perform(table: Table, body: bytes = b"{}", scope: Scope = SCOPE) -> Mapping[str, Any]:
    tx = table.transaction()
    try:
        kept = await claim(tx, scope, digest(body))
        if kept is None:
            kept = {"id": f"d-{len(table.rows)}", "status": 1}
            await keep(tx, scope, digest(body), kept)
        return kept
    finally:
        commit(tx)


async def test_the_same_key_and_body_get_the_same_answer(table: Table) -> None:
    assert await perform(table) == await perform(table) == {"id": "d-0", "status": 1}


async def test_the_same_key_with_another_body_is_refused(table: Table) -> None:
    await perform(table)
    with pytest.raises(Problem) as caught:
        await perform(table, b'{"a":1}')
    assert (caught.value.status_code, caught.value.slug) == (422, "idempotency-key-reused")


async def test_a_key_in_flight_is_refused_until_the_commit(table: Table) -> None:
    tx = table.transaction()
    assert await claim(tx, SCOPE, b"") is None
    with pytest.raises(Problem) as caught:
        await perform(table)
    assert (caught.value.status_code, caught.value.slug) == (409, "idempotency-key-in-flight")
    assert caught.value.headers == {"retry-after": "1"}
    commit(tx)
    await perform(table)


@pytest.mark.parametrize(
    "other",
    [
        Scope("p-2", "POST", "/v1/drafts", "k-1"),
        Scope("p-1", "PUT", "/v1/drafts", "k-1"),
        Scope("p-1", "POST", "/v1/drafts/{id}", "k-1"),
        Scope("p-1", "POST", "/v1/drafts", "k-2"),
        Scope("p-1P", "OST", "/v1/drafts", "k-1"),
    ],
)
async def test_a_key_belongs_to_a_caller_a_method_and_a_route(table: Table, other: Scope) -> None:
    assert await perform(table) == {"id": "d-0", "status": 1}
    assert await perform(table, b"other", other) == {"id": "d-1", "status": 1}


async def test_after_a_day_a_key_is_new_again(table: Table) -> None:
    await perform(table)
    table.now += DAY - timedelta(seconds=1)
    await perform(table)
    table.now += timedelta(seconds=1)
    assert await perform(table, b"other") == {"id": "d-1", "status": 1}


async def test_expired_rows_are_deleted_in_portions(table: Table) -> None:
    for number in range(5):
        await perform(table, scope=Scope("p-1", "POST", "/v1/drafts", str(number)))
    table.now += DAY
    assert [await forget_expired(table.transaction(), 3) for _ in range(3)] == [3, 2, 0]


def test_a_digest_tells_requests_apart() -> None:
    assert digest({"a": 1, "b": [True]}) == digest({"b": [True], "a": 1})
    assert len({digest(b"ab"), digest(b"a", "b"), digest(b"", "ab"), digest(b"", "a", "b"), digest(b"")}) == 5
    assert digest({"name": "đ"}) != digest({"name": "d"})


@pytest.mark.parametrize(
    ("sent", "status", "slug"),
    [
        (None, 400, "idempotency-key-missing"),
        ("", 400, "idempotency-key-malformed"),
        ("a b", 400, "idempotency-key-malformed"),
        ("a" * 256, 400, "idempotency-key-malformed"),
        ("a" * 255, 200, None),
        ("!~", 200, None),
    ],
)
async def test_a_key_has_a_shape(sent: str | None, status: int, slug: str | None) -> None:
    router = APIRouter()

    @router.post("/things/{number}")
    async def make(number: int, request: Request, key: Annotated[str, Depends(idempotency_key)]) -> str:
        return f"{number} {Scope.of(request, 'p-1', key).route}"

    outer = APIRouter()
    outer.include_router(router, prefix="/v1")
    app = create_app(title="t", version="1", routers=[outer], health=Health())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        answer = await client.post("/v1/things/7", headers={} if sent is None else {"idempotency-key": sent})
    assert answer.status_code == status
    assert answer.json() == "7 /v1/things/{number}" if slug is None else answer.json()["type"] == f"/problems/{slug}"
