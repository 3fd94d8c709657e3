"""Papers without a verdict and notifications without an end are asked about again, and none is waited for silently."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hoso_contracts.notify import NotificationDelivered
from hoso_dossier.watchdog import ANSWERS, Watchdog
from support.dossier_facts import delivered, expired, paper, rejected, scanned, telling
from support.dossier_service import Service, citizen, officer, running

PERIOD = timedelta(hours=1)
WAITING = {"papers": "attachments", "notices": "notifications"}
REQUESTS = {"papers": "attachment.check-requested", "notices": "notification.requested"}
FIRST = {"papers": 0, "notices": 2}  # requests that a submission makes itself: storage is told by the public event

every = pytest.mark.parametrize("answer", WAITING)


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(database_url, tmp_path) as service:
        yield service


async def wait_in_vain(dossier: Service, answer: str, hours: float = 1.01) -> None:
    """Let everything have been asked for so long ago."""
    await dossier.execute(
        f"UPDATE {WAITING[answer]} SET asked_at = asked_at - $1::interval",  # noqa: S608  # fixed names
        timedelta(hours=hours),
    )


async def look(dossier: Service, answer: str) -> None:
    await Watchdog(dossier.database, answer, PERIOD).run()


async def requests(dossier: Service, answer: str) -> list[dict[str, Any]]:
    return [data for kind, data in await dossier.announced() if kind == REQUESTS[answer]]


async def test_storage_is_asked_about_every_paper_of_which_nothing_was_heard(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, "papers")
    await look(dossier, "papers")
    (asked,) = await requests(dossier, "papers")
    (row,) = await dossier.rows("SELECT id::text, component, sha256 FROM attachments")
    expected = {"attachment_id": row["id"], "component": row["component"], "sha256": row["sha256"]}
    assert asked["attachments"] == [expected]
    assert asked["dossier_id"] == str(dossier_id)
    assert await dossier.kinds(dossier_id, officer()) == ["submitted", "attachment-asked-again"]
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted"]


async def test_a_notification_is_asked_for_again_in_the_same_words(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, "notices")
    await look(dossier, "notices")
    asked = await requests(dossier, "notices")
    by_id = sorted(asked, key=lambda one: one["notification_id"])
    assert len(asked) == 4
    assert by_id[0::2] == by_id[1::2]
    assert await dossier.kinds(dossier_id, officer()) == ["submitted", *["notification-asked-again"] * 2]
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted"]


async def test_what_the_officer_wrote_and_when_it_is_due_are_said_again(dossier: Service) -> None:
    refused = await dossier.dossier()
    await dossier.decide(refused, "refuse")
    accepted = await dossier.dossier()
    await dossier.make_ready(accepted)
    await dossier.decide(accepted, "accept")
    await wait_in_vain(dossier, "notices")
    await look(dossier, "notices")
    asked = await requests(dossier, "notices")
    said = {one["notification_id"]: one for one in asked}
    assert len(asked) == 2 * len(said) == 16
    assert all(one == said[one["notification_id"]] for one in asked)
    assert {one["occasion"] for one in asked if "reason" in one["parameters"]} == {"refused"}
    assert {one["occasion"] for one in asked if "due_at" in one["parameters"]} == {"accepted"}


@every
async def test_it_is_asked_ever_more_rarely(dossier: Service, answer: str) -> None:
    await dossier.dossier()
    found = FIRST[answer]
    for hours in (1, 2, 4, 8, 16, 24, 24):
        await wait_in_vain(dossier, answer, hours - 0.01)
        await look(dossier, answer)
        assert len(await requests(dossier, answer)) == found
        await wait_in_vain(dossier, answer, 0.02)
        await look(dossier, answer)
        found += max(1, FIRST[answer])
        assert len(await requests(dossier, answer)) == found


@every
async def test_several_watchdogs_at_once_ask_once(dossier: Service, answer: str) -> None:
    for _ in range(5):
        await dossier.dossier()
    await wait_in_vain(dossier, answer)
    await asyncio.gather(*(look(dossier, answer) for _ in range(5)))
    assert len(await requests(dossier, answer)) == 5 * (FIRST[answer] + max(1, FIRST[answer]))


async def heard_all(dossier: Service, dossier_id: UUID, verdict: str | None) -> None:
    """Let every answer have come."""
    await dossier.hear(
        await (scanned(dossier, dossier_id, verdict) if verdict else expired(dossier, dossier_id)),
    )
    for row in await dossier.rows("SELECT dossier_id, id, channel, occasion FROM notifications"):
        await dossier.hear(
            NotificationDelivered(
                dossier_id=row["dossier_id"],
                notification_id=row["id"],
                channel=row["channel"],
                occasion=row["occasion"],
                delivered_at=dossier.clock.now(),
            )
        )


@pytest.mark.parametrize("verdict", ["clean", "infected", None])
async def test_what_was_answered_is_not_asked_about(dossier: Service, verdict: str | None) -> None:
    await heard_all(dossier, await dossier.dossier(), verdict)
    for answer in WAITING:
        await wait_in_vain(dossier, answer, 100)
    before = await dossier.contents()
    for answer in ANSWERS:
        if answer in WAITING:
            await look(dossier, answer)
    assert await dossier.contents() == before


async def test_the_papers_of_a_refused_dossier_are_asked_about_until_they_are_known(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await rejected(dossier, dossier_id))
    await wait_in_vain(dossier, "papers")
    await look(dossier, "papers")
    await dossier.hear(await scanned(dossier, dossier_id, "clean"))
    await wait_in_vain(dossier, "papers", 100)
    await look(dossier, "papers")
    assert len(await requests(dossier, "papers")) == 1


async def test_after_two_weeks_a_notification_is_given_up_and_a_late_answer_still_counts(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.execute("UPDATE notifications SET requested_at = now() - interval '15 days'")
    await wait_in_vain(dossier, "notices")
    await look(dossier, "notices")
    assert len(await requests(dossier, "notices")) == FIRST["notices"]
    assert {row["state"] for row in await dossier.rows("SELECT state FROM notifications")} == {"failed"}
    assert (await dossier.kinds(dossier_id, citizen())).count("notification-failed") == 2
    await dossier.hear(await delivered(dossier, dossier_id, "email"))
    email = await telling(dossier, dossier_id, "email")
    assert await dossier.value("SELECT state FROM notifications WHERE id = $1", email) == "delivered"


async def test_a_handler_and_the_watchdog_never_wait_for_each_other(dossier: Service) -> None:
    """Whoever has locked the dossier is passed over until the next look."""
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, "papers")
    about = await paper(dossier, dossier_id)
    async with dossier.database.connection() as handler, handler.transaction():
        await handler.fetch("SELECT FROM dossiers WHERE id = $1 FOR UPDATE", dossier_id)
        await look(dossier, "papers")
        assert await requests(dossier, "papers") == []
        await handler.execute("UPDATE attachments SET verdict = 'clean' WHERE id = $1", about)
