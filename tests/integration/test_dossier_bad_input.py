"""Bad input, each kind: a clear problem document in two languages, no word of what was sent, nothing left behind."""

from collections.abc import AsyncIterator, Callable
from time import time
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from hoso_dossier.procedures import catalogue
from support.dossier_samples import STRANGER, answers, receipt
from support.dossier_service import Service, citizen, empty_database, key, officer, running, token

SECRETS = ("Nguyễn", "003199000001", "an@example.com", "951234567", "Hoa Sữa")


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with empty_database(postgres) as url, running(url, tmp_path_factory.mktemp("dossier")) as service:
        yield service


def check(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Hold an answer against what every problem document is."""
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    for told in (problem, *problem.get("errors", [])):
        assert told["title"]
        assert told["title_en"]
    assert not [secret for secret in SECRETS if secret in answer.text]
    return problem


def codes(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


@pytest.mark.parametrize(
    ("authorization", "slug"),
    [
        (None, "token-missing"),
        ("Bearer x", "token-malformed"),
        ("Basic x", "token-malformed"),
        (f"Bearer {token(forged=True)}", "token-signature"),
        (f"Bearer {token(exp=int(time()) - 60, iat=int(time()) - 600)}", "token-expired"),
        (f"Bearer {token(iss='https://other.example')}", "token-claims"),
        (f"Bearer {token(aud='other')}", "token-audience"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/drafts", "/v1/drafts/{id}/submit", "/v1/dossiers/{id}/accept"])
async def test_a_wrong_or_expired_token(dossier: Service, authorization: str | None, slug: str, path: str) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    headers = key() | ({"authorization": authorization} if authorization else {})
    answer = await dossier.http.post(path.format(id=draft_id), json={"procedure": "1.004194"}, headers=headers)
    check(answer, 401, slug)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await dossier.counts() == before


async def test_an_unknown_procedure(dossier: Service) -> None:
    before = await dossier.counts()
    answer = await dossier.http.post("/v1/drafts", json={"procedure": "9.999999"}, headers=citizen() | key())
    assert codes(check(answer, 422, "unknown-procedure")) == [("/procedure", "unknown-procedure")]
    assert "9.999999" not in answer.text
    assert await dossier.counts() == before


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/procedure", "missing"),
        ({"procedure": 1}, "/procedure", "string-type"),
        ({"procedure": "1.004194", "Nguyễn": 1}, "", "extra-forbidden"),
        ({"procedure": "x" * 65}, "/procedure", "string-too-long"),
    ],
)
async def test_a_draft_of_another_shape(dossier: Service, body: dict[str, Any], pointer: str, code: str) -> None:
    before = await dossier.counts()
    answer = await dossier.http.post("/v1/drafts", json=body, headers=citizen() | key())
    assert codes(check(answer, 422, "invalid-request")) == [(pointer, code)]
    assert await dossier.counts() == before


@pytest.mark.parametrize("path", ["/v1/drafts", "/v1/drafts/{id}/submit"])
@pytest.mark.parametrize(
    ("headers", "slug"), [({}, "idempotency-key-missing"), ({"idempotency-key": " "}, "idempotency-key-malformed")]
)
async def test_a_missing_key(dossier: Service, path: str, headers: dict[str, str], slug: str) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    body = {"procedure": "1.004194"} if path == "/v1/drafts" else {"receipts": [receipt(draft_id)]}
    answer = await dossier.http.post(path.format(id=draft_id), json=body, headers=citizen() | headers)
    check(answer, 400, slug)
    assert await dossier.counts() == before


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"full_name": None}, [("/answers/full_name", "missing")]),
        ({"declaration_accepted": False}, [("/answers/declaration_accepted", "must-be-accepted")]),
        (
            {"identity_number": "001099000001"},
            [
                ("/answers/identity_number", "identity-number-place"),
                ("/answers/identity_number", "identity-number-gender"),
            ],
        ),
        ({"identity_number": "12345678"}, [("/answers/identity_number", "identity-number-length")]),
        ({"from_date": "2026-01-01", "to_date": "2028-01-02"}, [("/answers/to_date", "period-too-long")]),
        ({"notification": {"channels": []}}, [("/answers/notification/channels", "too-few")]),
        (
            {"notification": {"channels": ["sms"], "phone": "0120 123 4567"}},
            [
                ("/answers/notification/phone", "phone-moved"),
            ],
        ),
        ({"Nguyễn": 1}, [("/answers", "unknown-field")]),
    ],
)
async def test_answers_that_are_not_valid(
    dossier: Service, changed: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    draft_id = await dossier.draft(answers(**changed))
    before = await dossier.counts()
    answer = await dossier.submit(draft_id)
    assert codes(check(answer, 422, "answers-invalid")) == errors
    assert await dossier.counts() == before


async def test_a_draft_without_answers_names_everything_at_once_with_the_receipts(dossier: Service) -> None:
    draft_id = await dossier.draft({})
    before = await dossier.counts()
    problem = check(await dossier.submit(draft_id, []), 422, "answers-invalid")
    assert len(problem["errors"]) == 14
    assert codes(problem)[-1] == ("/receipts", "component-missing")
    assert await dossier.counts() == before


Forge = Callable[[UUID], str]
FORGED: dict[str, tuple[Forge, str]] = {
    "another key": (lambda draft: receipt(draft, STRANGER), "receipt-forged"),
    "noise": (lambda _: "Nguyễn", "receipt-forged"),
    "expired": (lambda draft: receipt(draft, exp=int(time()) - 1), "receipt-expired"),
    "other draft": (lambda _: receipt(uuid4()), "receipt-of-other-draft"),
    "other person": (lambda draft: receipt(draft, sub="person-2"), "receipt-of-other-person"),
    "other component": (lambda draft: receipt(draft, component="passport"), "receipt-of-other-component"),
}


@pytest.mark.parametrize("kind", sorted(FORGED))
async def test_a_receipt_that_proves_nothing(dossier: Service, kind: str) -> None:
    make, code = FORGED[kind]
    draft_id = await dossier.draft()
    before = await dossier.counts()
    answer = await dossier.submit(draft_id, [receipt(draft_id), make(draft_id)])
    assert codes(check(answer, 422, "receipt-invalid")) == [("/receipts/1", code)]
    assert await dossier.counts() == before


async def test_a_mandatory_paper_that_is_missing(dossier: Service) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    answer = await dossier.submit(draft_id, [receipt(draft_id, component="other")])
    assert codes(check(answer, 422, "component-missing")) == [("/receipts", "component-missing")]
    assert await dossier.counts() == before


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        (b"", 422, "invalid-request"),
        (b"{", 400, "malformed-request"),
        (b"[]", 422, "invalid-request"),
        (b'{"receipts": null}', 422, "invalid-request"),
        (b'{"receipts": "Nguy\xe1\xbb\x85n"}', 422, "invalid-request"),
        (b'{"receipts": [], "x": 1}', 422, "invalid-request"),
        (b'{"receipts": ["' + b"x" * 4097 + b'"]}', 422, "invalid-request"),
        (b'{"receipts": [' + b", ".join([b'""'] * 51) + b"]}", 422, "invalid-request"),
        (b'{"receipts": ["' + b"x" * 70_000 + b'"]}', 413, "body-too-large"),
    ],
)
async def test_a_submission_of_another_shape(dossier: Service, body: bytes, status: int, slug: str) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    answer = await dossier.http.post(
        f"/v1/drafts/{draft_id}/submit",
        content=body,
        headers=citizen() | key() | {"content-type": "application/json"},
    )
    check(answer, status, slug)
    assert await dossier.counts() == before


async def test_an_account_that_is_not_identified_surely_enough(
    dossier: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(catalogue().current["1.004194"].__dict__, "minimum_assurance", 2)
        answer = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=citizen() | key())
        better = await dossier.http.post(
            "/v1/drafts", json={"procedure": "1.004194"}, headers=citizen(assurance=2) | key()
        )
    assert check(answer, 403, "assurance-too-low")["minimum_assurance"] == 2
    assert better.status_code == 201


@pytest.mark.parametrize("path", ["/v1/drafts/x", "/v1/dossiers/x", "/v1/dossiers?code=x", "/v1/dossiers"])
async def test_an_id_or_code_that_is_none(dossier: Service, path: str) -> None:
    answer = await dossier.http.get(path, headers=citizen())
    check(answer, 422, "invalid-request")


async def test_an_officer_cannot_submit(dossier: Service) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    check(await dossier.submit(draft_id, **officer()), 403, "wrong-role")
    assert await dossier.counts() == before
