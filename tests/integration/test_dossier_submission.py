"""Submission over HTTP on a real database: a code, a dossier and its announcements together, once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from hoso_dossier.codes import is_code, viet_nam_day
from support.dossier_samples import AGENCY, answers, receipt
from support.dossier_service import Service, citizen, key, running


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(database_url, tmp_path) as service:
        yield service


async def test_the_code_is_the_proof_of_submission(dossier: Service) -> None:
    draft_id = await dossier.draft()
    answer = await dossier.submit(draft_id)
    code = answer.json()["code"]
    assert answer.status_code == 201
    assert answer.json() == {"id": str(draft_id), "code": code, "status": 1}
    assert answer.headers["location"] == f"/v1/dossiers/{draft_id}"
    submitted = await dossier.value("SELECT submitted_at FROM dossiers")
    assert code == f"G01.999.000.000-{viet_nam_day(submitted):%y%m%d}-0001"
    assert (await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())).status_code == 404


async def test_everything_is_announced_in_one_story(dossier: Service) -> None:
    draft_id = await dossier.draft()
    paper = uuid4()
    answer = await dossier.submit(draft_id, [receipt(draft_id, attachment=str(paper))])
    (_, submitted), (_, asked), (_, mail), (_, text) = announced = await dossier.announced()
    assert [kind for kind, _ in announced] == [
        "dossier.submitted",
        "identity.verification-requested",
        "notification.requested",
        "notification.requested",
    ]
    assert submitted["code"] == answer.json()["code"]
    assert (submitted["procedure"], submitted["case"], submitted["agency"]) == ("1.004194", "individual", AGENCY)
    assert submitted["attachments"] == [
        {"attachment_id": str(paper), "component": "proof-of-dwelling", "sha256": "a1" * 32}
    ]
    assert (asked["identity_number"], asked["full_name"], asked["date_of_birth"]) == (
        "003199000001",
        "Nguyễn Thị Ẩn",
        "1999-02-03",
    )
    assert [(one["channel"], one["template"], one["occasion"], one["recipient"]) for one in (mail, text)] == [
        ("email", "dossier-submitted", "submitted", "an@example.com"),
        ("sms", "dossier-submitted", "submitted", "+84951234567"),
    ]
    kept = await dossier.value("SELECT correlation_id FROM dossiers")
    assert await dossier.correlations() == {kept}


async def test_the_same_key_gets_the_same_answer_and_nothing_happens_twice(dossier: Service) -> None:
    draft_id = await dossier.draft()
    receipts = [receipt(draft_id)]
    first = await dossier.submit(draft_id, receipts, **key("the-key"))
    before = await dossier.counts()
    again = await dossier.submit(draft_id, receipts, **key("the-key"))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert await dossier.counts() == before


async def test_a_second_submission_with_another_key_tells_the_code(dossier: Service) -> None:
    draft_id = await dossier.draft()
    code = (await dossier.submit(draft_id)).json()["code"]
    before = await dossier.counts()
    second = await dossier.submit(draft_id)
    assert (second.status_code, second.json()["type"]) == (409, "/problems/already-submitted")
    assert (second.json()["code"], second.json()["id"]) == (code, str(draft_id))
    assert await dossier.counts() == before


async def test_somebody_else_does_not_hear_that_it_was_submitted(dossier: Service) -> None:
    draft_id = await dossier.dossier()
    answer = await dossier.submit(draft_id, **citizen("person-2"))
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_the_same_key_for_another_body_is_refused(dossier: Service) -> None:
    draft_id = await dossier.draft()
    await dossier.submit(draft_id, **key("the-key"))
    answer = await dossier.submit(draft_id, [receipt(draft_id), receipt(draft_id)], **key("the-key"))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")


async def test_two_submissions_at_once_make_one_dossier(dossier: Service) -> None:
    draft_id = await dossier.draft()
    results = await asyncio.gather(*(dossier.submit(draft_id) for _ in range(8)))
    codes = {one.json()["code"] for one in results}
    assert sorted(one.status_code for one in results) == [201] + [409] * 7
    assert len(codes) == 1
    assert (await dossier.counts())["dossiers"] == 1


async def test_a_refused_submission_may_be_mended_and_sent_again_with_its_key(dossier: Service) -> None:
    draft_id = await dossier.draft()
    refused = await dossier.submit(draft_id, [], **key("the-key"))
    mended = await dossier.submit(draft_id, **key("the-key"))
    assert (refused.status_code, mended.status_code) == (422, 201)


async def test_a_code_that_was_not_used_is_used_next(dossier: Service) -> None:
    draft_id = await dossier.draft()
    for _ in range(3):
        assert (await dossier.submit(draft_id, [])).status_code == 422
    answer = await dossier.submit(draft_id, **key("the-key"))
    await dossier.submit(draft_id, **key("the-key"))
    await dossier.submit(draft_id)
    following = await dossier.submit(await dossier.draft())
    assert (answer.json()["code"][-4:], following.json()["code"][-4:]) == ("0001", "0002")


async def test_what_is_kept_is_what_was_declared(dossier: Service) -> None:
    dossier_id = await dossier.dossier(answers(nationality="Việt Nam"))
    (row,) = await dossier.rows("SELECT * FROM dossiers")
    assert (row["id"], row["owner"], row["channel"], row["status"], row["version"]) == (
        dossier_id,
        "person-1",
        "online",
        1,
        1,
    )
    assert (row["email"], row["phone"], row["verification_answer"]) == ("an@example.com", "+84951234567", "awaited")
    assert is_code(row["code"])
    counts = await dossier.counts()
    assert (counts["drafts"], counts["attachments"], counts["notifications"]) == (0, 1, 2)
    assert (counts["status_changes"], counts["timeline"], counts["receipts"]) == (1, 1, 0)


async def test_a_citizen_may_choose_one_channel(dossier: Service) -> None:
    given = answers(notification={"channels": ["sms"], "phone": "0951234567"})
    await dossier.dossier(given)
    assert [kind for kind, _ in await dossier.announced()][2:] == ["notification.requested"]
    assert await dossier.value("SELECT email FROM dossiers") is None
