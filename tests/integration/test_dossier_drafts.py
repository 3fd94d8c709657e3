"""Drafts over HTTP on a real database: begun once, changed by merge patches, seen by their owner alone."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from hoso_dossier.housekeeping import Housekeeping
from support.dossier_service import Service, citizen, empty_database, key, officer, running, seen

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with empty_database(postgres) as url, running(url, tmp_path_factory.mktemp("dossier")) as service:
        yield service


async def test_a_draft_is_begun_with_an_id_an_etag_and_thirty_days(dossier: Service) -> None:
    answer = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=citizen() | key())
    draft = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/drafts/{draft['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (draft["procedure"], draft["procedure_version"], draft["answers"]) == ("1.004194", 1, {})
    lives = datetime.fromisoformat(draft["expires_at"]) - datetime.fromisoformat(draft["created_at"])
    assert lives == timedelta(days=30)


async def test_the_same_key_begins_one_draft(dossier: Service) -> None:
    before = await dossier.counts()
    headers = citizen() | key("one-draft")
    first = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=headers)
    await dossier.http.patch(first.headers["location"], json={"a": 1}, headers=citizen() | seen(1))
    again = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=headers)
    assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), '"1"')
    assert (await dossier.counts())["drafts"] == before["drafts"] + 1


async def test_the_same_key_of_somebody_else_is_another_key(dossier: Service) -> None:
    before = await dossier.counts()
    for person in ("person-1", "person-2"):
        headers = citizen(person) | key("two-drafts")
        answer = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=headers)
        assert answer.status_code == 201
    assert (await dossier.counts())["drafts"] == before["drafts"] + 2


async def test_answers_are_kept_as_given(dossier: Service) -> None:
    given: dict[str, Any] = {"full_name": "Nguyễn Thị Ẩn", "big": 1e308, "long": 10**30, "z": [None, True, {"a": ""}]}
    draft_id = await dossier.draft(given)
    answer = await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())
    assert answer.json()["answers"] == given
    assert answer.headers["etag"] == '"2"'
    assert len(answer.content) < 1000  # a number is not written out in 309 digits


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json; charset=utf-8"])
async def test_a_change_is_a_merge_patch_of_the_draft(dossier: Service, media_type: str) -> None:
    draft_id = await dossier.draft({"a": {"b": 1, "c": 2}, "d": 3})
    answer = await dossier.http.patch(
        f"/v1/drafts/{draft_id}",
        content=b'{"answers": {"a": {"b": null, "e": 4}, "d": [5]}}',
        headers=citizen() | seen(2) | {"content-type": media_type},
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.json()["answers"] == {"a": {"c": 2, "e": 4}, "d": [5]}


async def test_a_patch_may_also_be_of_the_answers_alone(dossier: Service) -> None:
    draft_id = await dossier.draft({"a": 1, "b": 2})
    answer = await dossier.http.patch(f"/v1/drafts/{draft_id}", json={"a": None, "c": 3}, headers=citizen() | seen(2))
    assert answer.json()["answers"] == {"b": 2, "c": 3}


async def test_of_two_changes_of_one_version_one_is_refused(dossier: Service) -> None:
    draft_id = await dossier.draft({"a": 1})
    first = await dossier.http.patch(f"/v1/drafts/{draft_id}", json={"a": 2}, headers=citizen() | seen(2))
    second = await dossier.http.patch(f"/v1/drafts/{draft_id}", json={"a": 3}, headers=citizen() | seen(2))
    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["type"] == "/problems/version-changed"
    assert second.headers["etag"] == '"3"'
    assert (await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())).json()["answers"] == {"a": 2}


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug"),
    [
        (b'{"a": 1}', {}, 428, "if-match-missing"),
        (b'{"a": 1}', {"if-match": "*"}, 400, "if-match-malformed"),
        (b'{"a": 1}', {"if-match": 'W/"2"'}, 400, "if-match-malformed"),
        (b'{"a": 1}', seen(1), 412, "version-changed"),
        (b'{"a": 1}', seen(2) | {"content-type": "text/plain"}, 415, "unsupported-media-type"),
        (b'{"a": 1}', seen(2) | {"content-type": "application/json-patch+json"}, 415, "unsupported-media-type"),
        (b"", seen(2), 400, "malformed-request"),
        (b'{"a": ', seen(2), 400, "malformed-request"),
        (b'{"a": NaN}', seen(2), 400, "malformed-request"),
        (b'{"a": 1e400}', seen(2), 400, "malformed-request"),
        (b'{"a": "\\u0000"}', seen(2), 400, "malformed-request"),
        (b'{"\\u0000": 1}', seen(2), 400, "malformed-request"),
        (b'{"a": "\\ud800"}', seen(2), 400, "malformed-request"),
        (b'{"a": "\xff"}', seen(2), 400, "malformed-request"),
        (b"[1]", seen(2), 422, "answers-invalid"),
        (b'{"answers": null}', seen(2), 422, "answers-invalid"),
        (b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}", seen(2), 422, "answers-too-deep"),
        (b'{"a": "' + b"x" * 65_600 + b'"}', seen(2), 413, "body-too-large"),
    ],
)
async def test_a_bad_change_is_refused_and_nothing_is_changed(
    dossier: Service, body: bytes, headers: dict[str, str], status: int, slug: str
) -> None:
    draft_id = await dossier.draft({"kept": True})
    answer = await dossier.http.patch(
        f"/v1/drafts/{draft_id}",
        content=body,
        headers=citizen() | {"content-type": "application/merge-patch+json"} | headers,
    )
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"
    after = await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())
    assert (after.json()["answers"], after.headers["etag"]) == ({"kept": True}, '"2"')


async def test_answers_do_not_grow_without_end(dossier: Service) -> None:
    draft_id = await dossier.draft({"a": "x" * 40_000})
    answer = await dossier.http.patch(f"/v1/drafts/{draft_id}", json={"b": "x" * 40_000}, headers=citizen() | seen(2))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/answers-too-large")


async def test_a_draft_of_somebody_else_is_not_there(dossier: Service) -> None:
    draft_id = await dossier.draft()
    before = await dossier.counts()
    stranger = citizen("person-2")
    answers = [
        await dossier.http.get(f"/v1/drafts/{draft_id}", headers=stranger),
        await dossier.http.patch(f"/v1/drafts/{draft_id}", json={"a": 1}, headers=stranger | seen(2)),
        await dossier.submit(draft_id, **stranger),
        await dossier.http.get(f"/v1/drafts/{uuid4()}", headers=stranger),
    ]
    assert [(one.status_code, one.json()["type"]) for one in answers] == [(404, "/problems/not-found")] * 4
    assert await dossier.counts() == before


async def test_an_expired_draft_is_not_there_and_then_gone(dossier: Service) -> None:
    draft_id, other = await dossier.draft(), await dossier.draft()
    await dossier.execute("UPDATE drafts SET expires_at = now() WHERE id = $1", draft_id)
    assert (await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())).status_code == 404
    assert (await dossier.submit(draft_id)).status_code == 404
    await Housekeeping(dossier.database).run()
    left = await dossier.rows("SELECT id FROM drafts WHERE id = ANY($1::uuid[])", [draft_id, other])
    assert [row["id"] for row in left] == [other]


async def test_only_citizens_have_drafts(dossier: Service) -> None:
    answer = await dossier.http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=officer() | key())
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/wrong-role")


async def test_the_catalogue_is_open_to_everybody(dossier: Service) -> None:
    listed = await dossier.http.get("/v1/procedures")
    shown = await dossier.http.get("/v1/procedures/1.004194")
    assert [one["code"] for one in listed.json()["items"]] == ["1.004194"]
    assert "form" not in listed.json()["items"][0]
    assert shown.json()["form"]["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert shown.json()["term"] == {"amount": 3, "unit": "working-day"}
    assert (await dossier.http.get("/v1/procedures/1.000000")).status_code == 404
