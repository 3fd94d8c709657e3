"""What the other services say, taken in on a real database: status, timeline, announcements; twice is once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from hoso_dossier.domain import NOT_MATCHING, UNUSABLE_PAPER
from support.counting import envelope
from support.dossier_facts import delivered, everything, expired, failed, rejected, scanned, stored, verified
from support.dossier_service import Service, citizen, officer, running

KINDS = ["verified", "rejected", "stored", "clean", "infected", "expired", "delivered", "failed"]


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(database_url, tmp_path) as service:
        yield service


async def status(dossier: Service, dossier_id: UUID) -> int:
    return await dossier.value("SELECT status FROM dossiers WHERE id = $1", dossier_id)


async def told(dossier: Service, since: int) -> list[str]:
    """Types of what was announced after the first so many."""
    return [kind for kind, _ in (await dossier.announced())[since:]]


async def letters(dossier: Service) -> list[tuple[str, str]]:
    return [(row["reason"], row["detail"]) for row in await dossier.rows("SELECT reason, detail FROM dead_letters")]


async def test_a_confirmed_identity_is_kept_and_nothing_is_announced(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.counts()
    await dossier.hear(await verified(dossier, dossier_id))
    after = await dossier.counts()
    assert (await status(dossier, dossier_id), after["outbox"]) == (1, before["outbox"])
    assert await dossier.value("SELECT verification_answer FROM dossiers") == "verified"
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted", "identity-verified"]


async def test_a_rejected_identity_refuses_the_dossier_with_ct06_and_tells_the_citizen(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = len(await dossier.announced())
    await dossier.hear(await rejected(dossier, dossier_id))
    refused, mail, text = (await dossier.announced())[before:]
    assert await told(dossier, before) == ["dossier.refused", "notification.requested", "notification.requested"]
    assert (refused[1]["receipt"], refused[1]["reason"], refused[1]["previous_status"]) == ("CT06", "not-eligible", 1)
    assert [(one[1]["channel"], one[1]["template"]) for one in (mail, text)] == [
        ("email", "dossier-refused"),
        ("sms", "dossier-refused"),
    ]
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=citizen())).json()
    assert (shown["status"], shown["status_title"]) == (3, "Không được tiếp nhận")
    assert shown["status_reason"] == {"reason": "not-eligible", "detail": NOT_MATCHING}
    assert [(one["form"], one["number"]) for one in shown["receipts"]] == [("CT06", f"{shown['code']}/01-CT06")]
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted", "identity-rejected", "status-changed"]


async def test_the_refusal_is_the_second_event_of_the_dossiers_stream_and_belongs_to_its_submission(
    dossier: Service,
) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await rejected(dossier, dossier_id))
    rows = await dossier.rows("SELECT type, headers::text AS headers FROM outbox ORDER BY position")
    sequences = [row["headers"] for row in rows if row["type"].startswith("hoso.dossier.")]
    assert ['"000000000001"' in sequences[0], '"000000000002"' in sequences[1]] == [True, True]


@pytest.mark.parametrize("say", [verified, rejected])
async def test_an_answer_to_another_question_is_recorded_only_and_shown_to_officers_only(
    dossier: Service, say: type
) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.counts()
    await dossier.hear(await say(dossier, dossier_id, uuid4()))
    assert await dossier.counts() == before | {"timeline": before["timeline"] + 1}
    assert await dossier.value("SELECT verification_answer FROM dossiers") == "awaited"
    assert await status(dossier, dossier_id) == 1
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted"]
    assert await dossier.kinds(dossier_id, officer()) == ["submitted", "identity-answer-unused"]


async def test_the_first_answer_counts(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await verified(dossier, dossier_id))
    before = await dossier.counts()
    await dossier.hear(await rejected(dossier, dossier_id))
    assert await status(dossier, dossier_id) == 1
    assert await dossier.counts() == before | {"timeline": before["timeline"] + 1}


@pytest.mark.parametrize("verdict", ["clean", "not-scanned"])
async def test_a_paper_that_may_be_used_leaves_the_status(dossier: Service, verdict: str) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.counts()
    await dossier.hear(await stored(dossier, dossier_id), await scanned(dossier, dossier_id, verdict))
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=citizen())).json()
    assert (shown["status"], shown["attachments"][0]["state"]) == (1, verdict)
    assert (await dossier.counts())["outbox"] == before["outbox"]
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted", "attachment-stored", "attachment-scanned"]


@pytest.mark.parametrize("kind", ["infected", "expired"])
async def test_a_paper_that_cannot_be_used_is_asked_for_again(dossier: Service, kind: str) -> None:
    dossier_id = await dossier.dossier()
    before = len(await dossier.announced())
    await dossier.hear((await everything(dossier, dossier_id))[kind])
    assert await told(dossier, before) == ["dossier.supplement-requested", *["notification.requested"] * 2]
    asked = (await dossier.announced())[before][1]
    assert (asked["reason"], asked["receipt"]) == ("attachment-unusable", "CT05")
    shown = (await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=citizen())).json()
    assert (shown["status"], shown["attachments"][0]["state"]) == (5, kind)
    assert shown["status_reason"] == {"reason": "attachment-unusable", "detail": UNUSABLE_PAPER}


async def test_an_accepted_dossier_with_a_paper_found_infected_asks_for_it_again(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await verified(dossier, dossier_id), await scanned(dossier, dossier_id, "clean"))
    assert (await dossier.decide(dossier_id, "accept")).status_code == 200
    await dossier.hear(await scanned(dossier, dossier_id, "infected"))
    assert await status(dossier, dossier_id) == 5


async def test_a_refused_dossier_stays_refused(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await rejected(dossier, dossier_id))
    before = await dossier.counts()
    await dossier.hear(await scanned(dossier, dossier_id, "infected"), await expired(dossier, dossier_id))
    assert (await status(dossier, dossier_id), (await dossier.counts())["outbox"]) == (3, before["outbox"])


async def test_deliveries_stand_in_the_timeline(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.counts()
    await dossier.hear(await delivered(dossier, dossier_id), await failed(dossier, dossier_id))
    answer = await dossier.http.get(f"/v1/dossiers/{dossier_id}/timeline", headers=citizen())
    _, sms, email = answer.json()["entries"]
    assert (sms["kind"], sms["details"]) == (
        "notification-delivered",
        {"channel": "sms", "occasion": "submitted", "segments": 2},
    )
    assert (email["kind"], email["details"]) == (
        "notification-failed",
        {"channel": "email", "occasion": "submitted", "reason": "rejected"},
    )
    assert (await dossier.counts())["outbox"] == before["outbox"]


async def test_what_was_delivered_stays_delivered(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await delivered(dossier, dossier_id, "email"))
    before = await dossier.contents()
    await dossier.hear(await failed(dossier, dossier_id, "email"))
    assert await dossier.contents() == before


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_record_twice_changes_nothing(dossier: Service, kind: str) -> None:
    dossier_id = await dossier.dossier()
    event = (await everything(dossier, dossier_id))[kind]
    said, unheard = envelope(event), await dossier.contents()
    await dossier.hear(event, said=[said])
    before = await dossier.contents()
    await dossier.hear(event, event, said=[said, said])
    assert await dossier.contents() == before != unheard
    assert await letters(dossier) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_the_same_fact_under_another_id_changes_nothing(dossier: Service, kind: str) -> None:
    dossier_id = await dossier.dossier()
    event = (await everything(dossier, dossier_id))[kind]
    await dossier.hear(event)
    before = await dossier.contents()
    await dossier.hear(event)
    await dossier.hear(event, event)
    assert await dossier.contents() == before
    assert await letters(dossier) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"clean", "infected"}])
async def test_the_same_fact_said_again_at_another_time_changes_nothing(dossier: Service, kind: str) -> None:
    dossier_id = await dossier.dossier()
    event = (await everything(dossier, dossier_id))[kind]
    await dossier.hear(event)
    before = await dossier.contents()
    (told_at,) = (name for name in type(event).model_fields if name.endswith("_at"))
    await dossier.hear(event.model_copy(update={told_at: datetime.now(UTC) + timedelta(seconds=1)}))
    assert await dossier.contents() == before


async def test_an_older_verdict_does_not_replace_a_newer_one(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    older, newer = await scanned(dossier, dossier_id, "infected"), await scanned(dossier, dossier_id, "clean")
    await dossier.hear(newer)
    before = await dossier.contents()
    await dossier.hear(older)
    assert await dossier.contents() == before


async def test_facts_about_an_unknown_dossier_paper_or_notification_are_set_aside(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    before = await dossier.contents()
    nobody = (await verified(dossier, dossier_id)).model_copy(update={"dossier_id": uuid4()})
    paper = await stored(dossier, dossier_id, attachment_id=uuid4())
    other = await stored(dossier, dossier_id, sha256="b2" * 32)
    telling = (await delivered(dossier, dossier_id)).model_copy(update={"notification_id": uuid4()})
    await dossier.hear(nobody, paper, other, telling)
    assert [reason for reason, _ in await letters(dossier)] == ["no-such-aggregate", *["handler-failed"] * 3]
    assert [detail.split(" ")[0] for _, detail in await letters(dossier)][1:] == [
        "UnknownAttachment",
        "ContentDiffers",
        "UnknownNotification",
    ]
    assert await dossier.contents() == before


async def test_a_fact_never_moves_the_etag_unless_the_status_moves(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    tags = [(await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=officer())).headers["etag"]]
    for kind in ("verified", "stored", "clean", "delivered", "failed", "infected"):
        await dossier.hear((await everything(dossier, dossier_id))[kind])
        tags.append((await dossier.http.get(f"/v1/dossiers/{dossier_id}", headers=officer())).headers["etag"])
    assert tags == ['"1"'] * 6 + ['"2"']


async def test_one_batch_about_many_dossiers_is_one_transaction(dossier: Service) -> None:
    ids = [await dossier.dossier() for _ in range(5)]
    await dossier.hear(*[await rejected(dossier, one) for one in ids], *[await stored(dossier, one) for one in ids])
    rows = await dossier.rows("SELECT status, xmin::text AS writer FROM dossiers")
    assert [row["status"] for row in rows] == [3] * 5
    assert len({row["writer"] for row in rows}) == 1
