"""A request that is wrong in every way at once is told of one thing after the other, in the documented order."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final
from uuid import uuid4

import pytest
import pytest_asyncio

from support.dossier_samples import AGENCY
from support.dossier_service import Service, citizen, empty_database, officer, running
from support.fuzz_cases import ROUTES
from support.matrices import Covers
from support.precedence import MEDIA_TYPE, NO_KEY, NO_TOKEN, REUSED, Fault, Sent, ask, refused_in_order, role

BAD_JSON: Final = b'{"reason": '

pytestmark = pytest.mark.asyncio(loop_scope="module")


JSON_BODY: Final[Fault] = ("body", 400, "malformed-request", lambda sent: replace(sent, body=BAD_JSON))
NO_MATCH: Final[Fault] = ("If-Match", 428, "if-match-missing", lambda sent: sent.having(if_match=None))
SHAPE: Final[Fault] = ("fields", 422, "invalid-request", lambda sent: replace(sent, body=b'{"x": 1}'))
STALE: Final[Fault] = ("version", 412, "version-changed", lambda sent: sent.having(if_match='"7"'))


def absent(sent: Sent) -> Sent:
    """About a thing that is not there."""
    parts = sent.path.split("/")
    return replace(sent, path="/".join([*parts[:3], str(uuid4()), *parts[4:]]))


ABSENT: Final[Fault] = ("thing", 404, "not-found", absent)
CASES: Final[Mapping[str, tuple[Fault, ...]]] = {
    "POST /v1/drafts": (
        JSON_BODY, NO_TOKEN, role(officer()), NO_KEY, SHAPE, REUSED,
        ("procedure", 422, "unknown-procedure", lambda sent: replace(sent, body=b'{"procedure": "9.999999"}')),
    ),
    "PATCH /v1/drafts/{draft_id}": (
        NO_TOKEN, role(officer()), NO_MATCH,
        MEDIA_TYPE,
        JSON_BODY,
        ("patch", 422, "answers-invalid", lambda sent: replace(sent, body=b"[]")),
        ABSENT, STALE,
        ("depth", 422, "answers-too-deep", lambda sent: replace(sent, body=b'{"a": ' + b"[" * 30 + b"]" * 30 + b"}")),
    ),
    "POST /v1/drafts/{draft_id}/submit": (
        JSON_BODY, NO_TOKEN, role(officer()), NO_KEY, SHAPE, REUSED, ABSENT,
        ("receipts", 422, "component-missing", lambda sent: replace(sent, body=b'{"receipts": []}')),
    ),
    "POST /v1/dossiers/{dossier_id}/accept": (
        JSON_BODY, NO_TOKEN, role(citizen()), NO_KEY, NO_MATCH, SHAPE, REUSED,
        ("unit", 404, "not-found", lambda sent: sent.having(**officer("G01.999.902"))),
        STALE,
        ("readiness", 409, "not-ready", lambda sent: sent),
    ),
    "POST /v1/dossiers/{dossier_id}/refuse": (
        JSON_BODY, NO_TOKEN, role(citizen()), NO_KEY, NO_MATCH, SHAPE,
        ("words", 422, "invalid-request", lambda sent: replace(sent, body='{"reason": "\u202ea"}'.encode())),
        REUSED, ABSENT, STALE,
    ),
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with empty_database(postgres) as url, running(url, tmp_path_factory.mktemp("dossier")) as service:
        yield service


async def _draft(dossier: Service) -> Sent:
    begun = Sent("POST", "/v1/drafts", b'{"procedure": "1.004194"}', citizen())
    assert (await ask(dossier.http, begun.having(idempotency_key="used"))).status_code == 201
    return Sent("POST", "/v1/drafts", b'{"procedure": "1.004194"}', citizen())


async def _patch(dossier: Service) -> Sent:
    return Sent("PATCH", f"/v1/drafts/{await dossier.draft({})}", b'{"a": 1}', citizen() | {"if-match": '"2"'})


async def _submit(dossier: Service) -> Sent:
    await dossier.submit(await dossier.draft(), idempotency_key="used")
    return Sent("POST", f"/v1/drafts/{await dossier.draft()}/submit", b'{"receipts": ["x"]}', citizen())


async def _decide(dossier: Service, action: str, body: bytes) -> Sent:
    used = await dossier.dossier()
    await dossier.make_ready(used)
    assert (await dossier.decide(used, action, idempotency_key="used")).status_code == 200
    path = f"/v1/dossiers/{await dossier.dossier()}/{action}"
    return Sent("POST", path, body, officer(AGENCY) | {"if-match": '"1"'})


GOOD: Final[Mapping[str, Callable[[Service], Awaitable[Sent]]]] = {
    "POST /v1/drafts": _draft,
    "PATCH /v1/drafts/{draft_id}": _patch,
    "POST /v1/drafts/{draft_id}/submit": _submit,
    "POST /v1/dossiers/{dossier_id}/accept": lambda dossier: _decide(dossier, "accept", b"{}"),
    "POST /v1/dossiers/{dossier_id}/refuse": lambda dossier: _decide(dossier, "refuse", b'{"reason": "a"}'),
}


@pytest.mark.parametrize("name", CASES)
async def test_the_first_thing_that_is_wrong_is_told_and_nothing_is_done(
    dossier: Service, covers: Covers, name: str
) -> None:
    good = await GOOD[name](dossier)
    before = await dossier.contents()
    await refused_in_order(dossier.http, covers, name, good, CASES[name])
    assert await dossier.contents() == before


async def test_every_changing_route_is_here() -> None:
    changing = {route for service, route in ROUTES if service == "dossier" and not route.startswith("GET ")}
    assert set(CASES) == changing
