"""An officer's decisions over HTTP: only on what was seen, only when it is ready, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hoso_dossier.terms import due_after
from support.dossier_facts import scanned, verified
from support.dossier_service import Service, citizen, key, officer, running, seen

ACTIONS = ["accept", "refuse"]


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(database_url, tmp_path) as service:
        yield service


async def ready(dossier: Service) -> UUID:
    """A dossier that may be accepted."""
    dossier_id = await dossier.dossier()
    await dossier.hear(await verified(dossier, dossier_id), await scanned(dossier, dossier_id, "not-scanned"))
    return dossier_id


async def test_an_officer_sees_when_it_is_ready_to_accept(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    path = f"/v1/dossiers/{dossier_id}"
    before = (await dossier.http.get(path, headers=officer())).json()
    await dossier.hear(await verified(dossier, dossier_id))
    between = (await dossier.http.get(path, headers=officer())).json()
    await dossier.hear(await scanned(dossier, dossier_id, "clean"))
    after = (await dossier.http.get(path, headers=officer())).json()
    accepted = await dossier.decide(dossier_id, "accept")
    done = (await dossier.http.get(path, headers=officer())).json()
    shown = [before, between, after, done]
    assert [one["ready_to_accept"] for one in shown] == [False, False, True, False]
    assert accepted.status_code == 200
    assert [one["readiness"] and one["readiness"]["identity"]["fulfilled"] for one in shown] == [
        False,
        True,
        True,
        None,
    ]
    assert [one["readiness"] and one["readiness"]["attachments"]["fulfilled"] for one in shown] == [
        False,
        False,
        True,
        None,
    ]


async def test_a_citizen_is_not_shown_the_inner_process(dossier: Service) -> None:
    dossier_id = await ready(dossier)
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=citizen())).json()
    assert (shown["ready_to_accept"], shown["readiness"]) == (None, None)


async def test_accepting_gives_ct04_and_the_day_it_is_due_and_tells_everybody(dossier: Service) -> None:
    dossier_id = await ready(dossier)
    before = len(await dossier.announced())
    answer = await dossier.decide(dossier_id, "accept")
    decision = answer.json()
    assert (answer.status_code, answer.headers["etag"], decision["status"]) == (200, '"2"', 2)
    assert decision["receipt"]["form"] == "CT04"
    issued = datetime.fromisoformat(decision["receipt"]["issued_at"])
    assert datetime.fromisoformat(decision["receipt"]["due_at"]) == due_after(issued, 3)
    (kind, accepted), *told = (await dossier.announced())[before:]
    assert (kind, accepted["receipt"], accepted["previous_status"]) == ("dossier.accepted", "CT04", 1)
    assert datetime.fromisoformat(accepted["due_at"]) == due_after(issued, 3)
    assert [(one[1]["channel"], one[1]["template"]) for one in told] == [
        ("email", "dossier-accepted"),
        ("sms", "dossier-accepted"),
    ]
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=citizen())).json()
    assert (shown["status"], shown["due_at"]) == (2, decision["receipt"]["due_at"])
    assert shown["status_reason"] is None


async def test_refusing_needs_no_facts_and_its_words_reach_the_citizen_only(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = len(await dossier.announced())
    answer = await dossier.decide(dossier_id, "refuse")
    assert (answer.status_code, answer.json()["status"], answer.json()["receipt"]["form"]) == (200, 3, "CT06")
    (kind, refused), *told = (await dossier.announced())[before:]
    assert (kind, refused["reason"], refused["receipt"]) == ("dossier.refused", "not-eligible", "CT06")
    assert "thẩm quyền" not in str(refused)
    assert [one[1]["parameters"]["reason"] for one in told] == ["Không đúng thẩm quyền"] * 2
    entries = (await dossier.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=citizen())).text
    assert "thẩm quyền" not in entries
    for who in (citizen(), officer()):
        shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=who)).json()
        assert shown["status_reason"] == {"reason": "not-eligible", "detail": "Không đúng thẩm quyền"}


async def test_what_is_not_ready_is_not_accepted_and_the_answer_says_what_is_missing(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.contents()
    answer = await dossier.decide(dossier_id, "accept")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-ready")
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/readiness/identity", "identity-awaited"),
        ("/readiness/attachments", "attachment-awaited"),
    ]
    assert await dossier.contents() == before


async def test_where_everything_must_be_scanned_not_scanned_is_not_ready(database_url: str, tmp_path: Path) -> None:
    async with running(database_url, tmp_path, accept_not_scanned=False) as strict:
        dossier_id = await ready(strict)
        answer = await strict.decide(dossier_id, "accept")
        shown = (await strict.http.get(f"/v1/dossiers/{dossier_id}", headers=officer())).json()
        await strict.hear(await scanned(strict, dossier_id, "clean"))
        assert answer.json()["type"] == "/problems/not-ready"
        assert [one["code"] for one in answer.json()["errors"]] == ["attachment-not-scanned"]
        assert shown["readiness"]["attachments"]["fulfilled"] is False
        assert shown["ready_to_accept"] is False
        assert (await strict.decide(dossier_id, "accept")).status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        ({"if-match": None}, 428, "if-match-missing"),
        ({"if-match": "*"}, 400, "if-match-malformed"),
        ({"if-match": 'W/"1"'}, 400, "if-match-malformed"),
        ({"if-match": '"0"'}, 412, "version-changed"),
        ({"if-match": '"2"'}, 412, "version-changed"),
        ({"idempotency-key": None}, 400, "idempotency-key-missing"),
        (citizen(), 403, "wrong-role"),
        (officer("G01.999.902"), 404, "not-found"),
        (officer(None), 404, "not-found"),
        ({"authorization": None}, 401, "token-missing"),
    ],
)
async def test_a_decision_that_may_not_be_taken_changes_nothing(
    dossier: Service, action: str, headers: dict[str, str | None], status: int, slug: str
) -> None:
    dossier_id = await ready(dossier)
    before = await dossier.contents()
    sent = officer() | key() | seen(1) | headers
    answer = await dossier.http.post(
        f"/v1/dossiers/{dossier_id}/{action}",
        json={"reason": "x"} if action == "refuse" else {},
        headers={name: value for name, value in sent.items() if value is not None},
    )
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert await dossier.contents() == before


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("accept", {"x": 1}),
        ("refuse", {}),
        ("refuse", {"reason": ""}),
        ("refuse", {"reason": "  "}),
        ("refuse", {"reason": "a\nb"}),
        ("refuse", {"reason": "x" * 301}),
        ("refuse", {"reason": "a" + "\u0301\u0316" * 15_000}),
        ("refuse", {"reason": [[["a"]]]}),
        ("refuse", {"reason": None}),
    ],
)
async def test_a_decision_of_another_shape_changes_nothing(
    dossier: Service, action: str, body: dict[str, object]
) -> None:
    dossier_id = await ready(dossier)
    before = await dossier.contents()
    path = f"/v1/dossiers/{dossier_id}/{action}"
    answer = await dossier.http.post(path, json=body, headers=officer() | key() | seen(1))
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert await dossier.contents() == before


async def test_a_reason_is_as_long_as_it_looks(dossier: Service) -> None:
    """Typed on a keyboard that sends its marks apart it has 900 characters, and 300 letters."""
    path = f"/v1/dossiers/{await ready(dossier)}/refuse"
    answer = await dossier.http.post(path, json={"reason": "e\u0302\u0301" * 300}, headers=officer() | key() | seen(1))
    assert answer.status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
async def test_the_same_key_gets_the_same_decision(dossier: Service, action: str) -> None:
    dossier_id = await ready(dossier)
    first = await dossier.decide(dossier_id, action, **key("the-key"))
    before = await dossier.contents()
    again = await dossier.decide(dossier_id, action, **key("the-key"))
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), '"2"')
    assert await dossier.contents() == before


@pytest.mark.parametrize("action", ACTIONS)
async def test_nobody_decides_a_second_time(dossier: Service, action: str) -> None:
    dossier_id = await ready(dossier)
    await dossier.decide(dossier_id, "accept")
    before = await dossier.contents()
    stale = await dossier.decide(dossier_id, action)
    fresh = await dossier.decide(dossier_id, action, **seen(2))
    assert [(one.status_code, one.json()["type"]) for one in (stale, fresh)] == [
        (412, "/problems/version-changed"),
        (409, "/problems/wrong-status"),
    ]
    assert fresh.json()["dossier_status"] == 2
    assert await dossier.contents() == before


async def test_of_two_officers_at_once_one_decides(dossier: Service) -> None:
    dossier_id = await ready(dossier)
    answers = await asyncio.gather(*(dossier.decide(dossier_id, action) for action in ACTIONS * 4))
    assert sorted(one.status_code for one in answers) == [200] + [412] * 7
    assert (await dossier.counts())["status_changes"] == 2


async def test_a_decision_on_a_dossier_that_is_not_there(dossier: Service) -> None:
    answer = await dossier.decide(uuid4(), "accept")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_a_decision_belongs_to_the_story_of_the_submission(dossier: Service) -> None:
    dossier_id = await ready(dossier)
    await dossier.decide(dossier_id, "accept")
    assert await dossier.correlations() == {await dossier.value("SELECT correlation_id FROM dossiers")}


async def test_it_is_due_three_working_days_later_at_the_end_of_the_day(dossier: Service) -> None:
    dossier_id = await ready(dossier)
    answer = await dossier.decide(dossier_id, "accept")
    due = datetime.fromisoformat(answer.json()["receipt"]["due_at"])
    assert (due.astimezone(UTC).hour, due.weekday() < 5) == (10, True)
