"""A request that is wrong in every way at once is told of one thing after the other, in the documented order."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from support.dossier_samples import AGENCY
from support.dossier_service import Service, citizen, empty_database, officer, running
from support.matrices import Covers

MATRIX: Final = "precedence of refusals, routes x faults"
BAD_JSON: Final = b'{"reason": '

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True)
class Sent:
    """A request; a fault is another one."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def having(self, **headers: str | None) -> "Sent":
        """The same with other headers; None leaves one out."""
        changed: dict[str, str | None] = {**self.headers}
        changed |= {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={name: value for name, value in changed.items() if value is not None})


Fault = tuple[str, int, str, Callable[[Sent], Sent]]
"""What is wrong, the status and slug it is told by, and how a request comes to have it."""

JSON_BODY: Final[Fault] = ("body", 400, "malformed-request", lambda sent: replace(sent, body=BAD_JSON))
NO_TOKEN: Final[Fault] = ("token", 401, "token-missing", lambda sent: sent.having(authorization=None))
NO_KEY: Final[Fault] = ("key", 400, "idempotency-key-missing", lambda sent: sent.having(idempotency_key=None))
NO_MATCH: Final[Fault] = ("If-Match", 428, "if-match-missing", lambda sent: sent.having(if_match=None))
SHAPE: Final[Fault] = ("fields", 422, "invalid-request", lambda sent: replace(sent, body=b'{"x": 1}'))
REUSED: Final[Fault] = ("key reused", 422, "idempotency-key-reused", lambda sent: sent.having(idempotency_key="used"))
STALE: Final[Fault] = ("version", 412, "version-changed", lambda sent: sent.having(if_match='"7"'))


def role(headers: Mapping[str, str]) -> Fault:
    return ("role", 403, "wrong-role", lambda sent: sent.having(**headers))


def absent(sent: Sent) -> Sent:
    """About a thing that is not there."""
    parts = sent.path.split("/")
    return replace(sent, path="/".join([*parts[:3], str(uuid4()), *parts[4:]]))


ABSENT: Final[Fault] = ("thing", 404, "not-found", absent)
CASES: Final[Mapping[str, tuple[Fault, ...]]] = {
    "POST /v1/drafts": (
        JSON_BODY, NO_TOKEN, role(officer()), NO_KEY, SHAPE,
        ("procedure", 422, "unknown-procedure", lambda sent: replace(sent, body=b'{"procedure": "9.999999"}')),
    ),
    "PATCH /v1/drafts/{draft_id}": (
        NO_TOKEN, role(officer()), NO_MATCH,
        ("media type", 415, "unsupported-media-type", lambda sent: sent.having(content_type="text/plain")),
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


async def _draft(_: Service) -> Sent:
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


async def _ask(dossier: Service, sent: Sent) -> httpx.Response:
    headers = {"content-type": "application/json"} | dict(sent.headers)
    return await dossier.http.request(sent.method, sent.path, content=sent.body, headers=headers)


@pytest.mark.parametrize("name", CASES)
async def test_the_first_thing_that_is_wrong_is_told_and_nothing_is_done(
    dossier: Service, covers: Covers, name: str
) -> None:
    faults, good = CASES[name], await GOOD[name](dossier)
    before = await dossier.contents()
    for number, (what, status, slug, _) in enumerate(faults):
        covers(MATRIX, name, f"{number + 1}. {what}")
        sent = good.having(idempotency_key=str(uuid4()))
        for *_, spoil in reversed(faults[number:]):
            sent = spoil(sent)
        answer = await _ask(dossier, sent)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), what
    assert await dossier.contents() == before
