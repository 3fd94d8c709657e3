"""The form over HTTP: what people write is refused by name, or kept in one form that officers and identity read."""

import json
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from hoso_contracts.dossier import NotificationParameters
from hoso_dossier.texts import stored
from hoso_identity.matching import Declaration, RegisteredPerson
from hoso_identity.verifying import verify_kind
from hoso_notify.templates import Texts
from hoso_population_mock.people import Person, person_by_number
from support.dossier_samples import receipt
from support.dossier_service import Service, citizen, empty_database, key, officer, running, seen
from support.form import LONG
from support.form_names import HIDDEN, HIGHLAND_NAMES, LINES, NAMES, LineCase, NameCase
from support.form_values import (
    NO_DATES,
    STAYS,
    ContactCase,
    StayCase,
    answers_of,
    emails,
    phones,
    somebody,
)
from support.matrices import Covers
from support.refusals import assert_bilingual

MATRIX: Final = "form values, fields x ways of writing"
PERSON, HIGHLANDER = somebody(), somebody(highland=True)
LINE: Final = "Số 2, ngõ Trúc"
FEW: Final = ("right-to-left override", "zero-width space", "line feed")
"""Of the hidden characters, which the unit tests try all in every field, the other fields get these over HTTP."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _few(cases: tuple[Any, ...]) -> list[Any]:
    return [
        one for one in cases if LONG or not any(one.label.startswith(hidden) for hidden in HIDDEN if hidden not in FEW)
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dossier(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    async with empty_database(postgres) as url, running(url, tmp_path_factory.mktemp("dossier")) as service:
        yield service


async def submitted(dossier: Service, given: Mapping[str, Any]) -> tuple[UUID, httpx.Response]:
    """Submit answers; where they are refused, nothing changes and the draft is as it was."""
    draft_id = await dossier.draft(given)
    before = await dossier.counts()
    answer = await dossier.submit(draft_id, [receipt(draft_id)])
    if answer.status_code != 201:
        assert await dossier.counts() == before
        kept = await dossier.http.get(f"/v1/drafts/{draft_id}", headers=citizen())
        assert kept.json()["answers"] == given
    return draft_id, answer


def assert_refused(answer: httpx.Response, *flaws: tuple[str, str]) -> None:
    """The answer names these fields and codes, in both languages, and nothing else."""
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/answers-invalid")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        (f"/answers/{at}", code) for at, code in flaws
    ]
    for one in problem["errors"]:
        assert_bilingual(one["title"], one["title_en"])


async def everywhere(dossier: Service, dossier_id: UUID) -> list[dict[str, Any]]:
    """The answers as the database has them, and as the officer and the owner read them."""
    row = await dossier.value("SELECT answers::text FROM dossiers WHERE id = $1", dossier_id)
    shown = [await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=who) for who in (officer(), citizen())]
    return [json.loads(row), *(one.json()["answers"] for one in shown)]


async def announced(dossier: Service, dossier_id: UUID, kind: str) -> list[dict[str, Any]]:
    query = "SELECT convert_from(value, 'UTF8') AS data FROM outbox WHERE key = $1 AND type = $2 ORDER BY position"
    rows = await dossier.rows(query, str(dossier_id).encode(), f"hoso.{kind}.v1")
    return [json.loads(row["data"]) for row in rows]


async def verdict(asked: Mapping[str, Any]) -> str:
    """What identity finds, asked with what dossier announced, in a register that has the synthetic people."""

    async def find(number: str) -> RegisteredPerson | None:
        found = person_by_number(number)
        fields = RegisteredPerson.__dataclass_fields__
        return found and RegisteredPerson(**{name: value for name, value in asdict(found).items() if name in fields})

    kind = verify_kind(find, lambda: datetime.now(UTC), timeout=1, concurrency=1)
    declared = Declaration.model_validate({name: asked[name] for name in Declaration.model_fields})
    return (await kind.perform(declared)).verdict


async def check_name(dossier: Service, person: Person, case: NameCase) -> None:
    dossier_id, answer = await submitted(dossier, answers_of(person, full_name=case.write(person.full_name)))
    if case.code:
        assert_refused(answer, ("full_name", case.code))
        return
    assert answer.status_code == 201, answer.text
    name = case.stored(person.full_name)
    assert [one["full_name"] for one in await everywhere(dossier, dossier_id)] == [name] * 3
    (asked,) = await announced(dossier, dossier_id, "identity.verification-requested")
    assert asked["full_name"] == name
    assert await verdict(asked) == ("verified" if case.same else "rejected")


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case.label)
async def test_a_name_is_refused_or_kept_in_the_form_that_all_read(
    dossier: Service, covers: Covers, case: NameCase
) -> None:
    covers(MATRIX, "full_name", case.label)
    await check_name(dossier, PERSON, case)


@pytest.mark.parametrize("case", HIGHLAND_NAMES, ids=lambda case: case.label)
async def test_a_name_with_an_apostrophe_is_the_one_of_the_register(
    dossier: Service, covers: Covers, case: NameCase
) -> None:
    covers(MATRIX, "full_name with an apostrophe", case.label)
    await check_name(dossier, HIGHLANDER, case)


@pytest.mark.parametrize("case", _few(LINES), ids=lambda case: case.label)
async def test_a_line_is_refused_or_kept_in_the_form_that_all_read(
    dossier: Service, covers: Covers, case: LineCase
) -> None:
    covers(MATRIX, "temporary_address/address", case.label)
    where = {"province": "Tỉnh Mẫu", "ward": "Phường Mẫu", "address": case.write(LINE)}
    dossier_id, answer = await submitted(dossier, answers_of(PERSON, temporary_address=where))
    if case.code:
        assert_refused(answer, ("temporary_address/address", case.code))
        return
    shown = await everywhere(dossier, dossier_id)
    assert [one["temporary_address"]["address"] for one in shown] == [case.stored(LINE)] * 3


@pytest.mark.parametrize("case", STAYS, ids=lambda case: case.label)
async def test_a_stay_is_refused_by_name_or_taken(dossier: Service, covers: Covers, case: StayCase) -> None:
    covers(MATRIX, "from_date, to_date", case.label)
    dossier_id, answer = await submitted(dossier, answers_of(PERSON, from_date=case.first, to_date=case.last))
    if case.flaws:
        assert_refused(answer, *case.flaws)
        return
    shown = await everywhere(dossier, dossier_id)
    assert [(one["from_date"], one["to_date"]) for one in shown] == [(case.first, case.last)] * 3


@pytest.mark.parametrize("label", NO_DATES)
async def test_what_is_no_date_is_refused_as_that(dossier: Service, covers: Covers, label: str) -> None:
    covers(MATRIX, "to_date", label)
    _, answer = await submitted(dossier, answers_of(PERSON, to_date=NO_DATES[label]))
    assert_refused(answer, ("to_date", "not-a-date"))


async def check_contact(dossier: Service, channel: str, place: str, case: ContactCase) -> None:
    given = answers_of(PERSON, notification={"channels": [channel], place: case.typed})
    dossier_id, answer = await submitted(dossier, given)
    if case.code:
        assert_refused(answer, (f"notification/{place}", case.code))
        return
    assert answer.status_code == 201, answer.text
    assert [one["notification"] for one in await everywhere(dossier, dossier_id)] == [stored(given["notification"])] * 3
    (told,) = await announced(dossier, dossier_id, "notification.requested")
    assert (told["channel"], told["recipient"]) == (channel, case.sent_to)


@pytest.mark.parametrize("case", _few(emails()), ids=lambda case: case.label)
async def test_an_email_address_is_refused_or_written_to(dossier: Service, covers: Covers, case: ContactCase) -> None:
    covers(MATRIX, "notification/email", case.label)
    await check_contact(dossier, "email", "email", case)


@pytest.mark.parametrize("case", phones(), ids=lambda case: case.label)
async def test_a_phone_is_refused_or_sent_to(dossier: Service, covers: Covers, case: ContactCase) -> None:
    covers(MATRIX, "notification/phone", case.label)
    await check_contact(dossier, "sms", "phone", case)


async def refused_for(dossier: Service, dossier_id: UUID, reason: str) -> httpx.Response:
    """Let the officer refuse a dossier in these words."""
    headers = officer() | key() | seen(1)
    return await dossier.http.post(f"/v1/dossiers/{dossier_id}/refuse", json={"reason": reason}, headers=headers)


async def test_an_officers_reason_cannot_show_something_else_than_it_says(dossier: Service, covers: Covers) -> None:
    dossier_id = await dossier.dossier(answers_of(PERSON))
    before = await dossier.contents()
    for label, hidden in HIDDEN.items():
        covers(MATRIX, "reason of a refusal", label)
        answer = await refused_for(dossier, dossier_id, f"Thiếu{hidden} giấy tờ")
        (error,) = answer.json()["errors"]
        by_shape = hidden < " " or hidden == "\x7f"  # what the description's own pattern says
        code = "string-pattern-mismatch" if by_shape else "forbidden-character"
        assert (answer.status_code, error["pointer"], error["code"]) == (422, "/reason", code), label
        assert_bilingual(error["title"], error["title_en"])
    assert await dossier.contents() == before


async def test_an_officers_reason_reaches_the_citizen_in_its_stored_form(dossier: Service, covers: Covers) -> None:
    covers(MATRIX, "reason of a refusal", "NFD and spaces of any kind")
    dossier_id, reason = await dossier.dossier(answers_of(PERSON)), "Không đúng thẩm quyền"
    typed = f" {unicodedata.normalize('NFD', reason).replace(' ', chr(0xA0))}  "
    assert (await refused_for(dossier, dossier_id, typed)).status_code == 200
    assert (
        await dossier.value("SELECT detail FROM status_changes WHERE dossier_id = $1 AND version = 2", dossier_id)
        == reason
    )
    told = (await announced(dossier, dossier_id, "notification.requested"))[-2:]
    for one in told:
        parameters = NotificationParameters.model_validate_json(json.dumps(one["parameters"]))
        assert parameters.reason == reason
        assert f"Lý do: {reason}\n" in Texts().letter("dossier-refused/v1", parameters).text


async def test_the_same_reason_typed_on_another_keyboard_is_the_same_request(dossier: Service) -> None:
    dossier_id, reason = await dossier.dossier(answers_of(PERSON)), "Không đúng thẩm quyền"
    headers = officer() | key() | seen(1)
    answers = [
        await dossier.http.post(f"/v1/dossiers/{dossier_id}/refuse", json={"reason": one}, headers=headers)
        for one in (reason, unicodedata.normalize("NFD", reason))
    ]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
