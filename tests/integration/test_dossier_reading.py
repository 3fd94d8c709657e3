"""Dossiers as people read them: by id, by code, as a timeline; of others' they learn nothing."""

from collections.abc import AsyncIterator
from itertools import pairwise
from uuid import uuid4

import pytest
import pytest_asyncio

from support.dossier_facts import delivered, scanned, stored, verified
from support.dossier_samples import answers
from support.dossier_service import Service, citizen, empty_database, officer, running, token

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with empty_database(postgres) as url, running(url, tmp_path_factory.mktemp("dossier")) as service:
        yield service


async def test_its_owner_and_the_officer_of_its_agency_find_it_by_id_and_by_code(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    code = await dossier.value("SELECT code FROM dossiers WHERE id = $1", dossier_id)
    for who in (citizen(), officer()):
        by_id = await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=who)
        by_code = await dossier.http.get("/v1/dossiers", params={"code": code}, headers=who)
        assert (by_id.status_code, by_code.status_code) == (200, 200)
        assert by_id.json() == by_code.json()
        assert by_id.headers["etag"] == by_code.headers["etag"] == '"1"'
    assert by_id.json()["code"] == code
    assert by_id.json()["answers"] == answers()


@pytest.mark.parametrize(
    "who",
    [citizen("person-2"), officer("G01.999.902"), officer(None), officer("G01.999.90")],
    ids=["another citizen", "another unit", "an officer of no unit", "a unit of a like name"],
)
async def test_for_anybody_else_it_is_not_there(dossier: Service, who: dict[str, str]) -> None:
    dossier_id = await dossier.dossier()
    code = await dossier.value("SELECT code FROM dossiers WHERE id = $1", dossier_id)
    hidden = [
        await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=who),
        await dossier.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=who),
        await dossier.http.get("/v1/dossiers", params={"code": code}, headers=who),
    ]
    absent = [
        await dossier.http.get(f"/v1/dossiers/{uuid4()}", headers=who),
        await dossier.http.get(f"/v1/dossiers/{uuid4()}/timeline", headers=who),
        await dossier.http.get("/v1/dossiers", params={"code": code[:-4] + "99999"}, headers=who),
    ]
    assert [one.status_code for one in hidden] == [404] * 3
    assert [_without_trace(one.json()) for one in hidden] == [_without_trace(one.json()) for one in absent]


@pytest.mark.parametrize("role", ["agency", "operator", "service"])
async def test_other_roles_do_not_read_dossiers(dossier: Service, role: str) -> None:
    dossier_id = await dossier.dossier()
    answer = await dossier.http.get(
        f"/v1/dossiers/{dossier_id}", headers={"authorization": f"Bearer {token(role, 'person-1')}"}
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/wrong-role")


@pytest.mark.parametrize("code", ["", "G01", "' OR 1=1 --", "G01.999.000.000-261124-0001 ", "x" * 300, "Nguyễn"])
async def test_a_code_that_is_none_is_refused_without_repeating_it(dossier: Service, code: str) -> None:
    answer = await dossier.http.get("/v1/dossiers", params={"code": code}, headers=citizen())
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert not code or code not in answer.text


async def test_the_timeline_says_what_happened_in_order_with_words_and_without_personal_data(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await verified(dossier, dossier_id))
    await dossier.hear(await stored(dossier, dossier_id), await scanned(dossier, dossier_id, "clean"))
    await dossier.hear(await delivered(dossier, dossier_id))
    await dossier.decide(dossier_id, "accept")
    answer = await dossier.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=citizen())
    timeline = answer.json()
    assert [(one["kind"], one["title"]) for one in timeline["entries"]] == [
        ("submitted", "Hồ sơ đã được nộp"),
        ("identity-verified", "Thông tin nhân thân đã được xác nhận"),
        ("attachment-stored", "Giấy tờ đính kèm đã được lưu trữ"),
        ("attachment-scanned", "Giấy tờ đính kèm đã được quét, không có mã độc"),
        ("notification-delivered", "Thông báo đã được gửi"),
        ("status-changed", "Hồ sơ đã được tiếp nhận"),
    ]
    assert all(one["title_en"] for one in timeline["entries"])
    assert all(first["at"] <= then["at"] for first, then in pairwise(timeline["entries"]))
    assert (timeline["id"], timeline["status"]) == (str(dossier_id), 2)
    assert not [one for one in ("Nguyễn", "003199000001", "an@example.com", "951234567") if one in answer.text]


@pytest.mark.parametrize(
    ("verdict", "title"),
    [
        ("clean", "Giấy tờ đính kèm đã được quét, không có mã độc"),
        ("infected", "Giấy tờ đính kèm có mã độc, cần nộp lại"),
        ("not-scanned", "Giấy tờ đính kèm chưa được quét mã độc vì hệ thống chưa có bộ quét"),
        ("puzzling", "Giấy tờ đính kèm đã có kết quả quét mã độc"),
    ],
)
async def test_the_timeline_says_of_a_paper_what_its_scan_said(dossier: Service, verdict: str, title: str) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await scanned(dossier, dossier_id, verdict))
    timeline = (await dossier.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=citizen())).json()
    assert [one["title"] for one in timeline["entries"] if one["kind"] == "attachment-scanned"] == [title]


@pytest.mark.parametrize(
    ("verdict", "fulfilled", "title"),
    [
        (None, False, "Giấy tờ đính kèm đang chờ quét mã độc"),
        ("clean", True, "Giấy tờ đính kèm đã được quét, không có mã độc"),
        ("not-scanned", True, "Giấy tờ đính kèm chưa được quét mã độc vì hệ thống chưa có bộ quét"),
        ("puzzling", False, "Có giấy tờ không sử dụng được"),
    ],
)
async def test_readiness_says_of_the_papers_what_their_scans_said(
    dossier: Service, verdict: str | None, *, fulfilled: bool, title: str
) -> None:
    dossier_id = await dossier.dossier()
    if verdict:
        await dossier.hear(await scanned(dossier, dossier_id, verdict))
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=officer())).json()
    papers = shown["readiness"]["attachments"]
    assert (papers["fulfilled"], papers["title"]) == (fulfilled, title)


def _without_trace(problem: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in problem.items() if name != "trace_id"}
