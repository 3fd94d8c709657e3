"""Identities whose answer is overdue are asked about again, with the same question, by however many watchdogs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from hoso_dossier.watchdog import BATCH, Watchdog
from support.dossier_facts import rejected, scanned, verified
from support.dossier_service import Service, citizen, officer, running

OVERDUE = timedelta(minutes=15)
REQUEST = "identity.verification-requested"


@pytest.fixture
async def dossier(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    async with running(database_url, tmp_path) as service:
        yield service


async def wait_in_vain(dossier: Service, dossier_id: UUID, seconds: float = 901) -> None:
    """Let a dossier have asked so long ago."""
    await dossier.execute(
        "UPDATE dossiers SET verification_asked_at = verification_asked_at - $2::interval WHERE id = $1",
        dossier_id,
        timedelta(seconds=seconds),
    )


async def requests(dossier: Service) -> list[dict[str, object]]:
    return [data for kind, data in await dossier.announced() if kind == REQUEST]


async def test_an_overdue_question_is_asked_again_with_the_same_id_and_the_same_words(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, dossier_id)
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    first, again = await requests(dossier)
    assert again == first
    assert await dossier.kinds(dossier_id, officer()) == ["submitted", "identity-asked-again"]
    assert await dossier.kinds(dossier_id, citizen()) == ["submitted"]
    assert await dossier.correlations() == {await dossier.value("SELECT correlation_id FROM dossiers")}


async def test_it_is_asked_once_in_a_period_and_then_ever_more_rarely(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    for times, seconds in enumerate([901, 1801, 3601, 7201], 2):
        await wait_in_vain(dossier, dossier_id, seconds - 10)
        await Watchdog(dossier.database, "identity", OVERDUE).run()
        assert len(await requests(dossier)) == times - 1
        await wait_in_vain(dossier, dossier_id, 10)
        for _ in range(3):
            await Watchdog(dossier.database, "identity", OVERDUE).run()
        assert len(await requests(dossier)) == times


async def test_it_is_asked_daily_at_least(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.execute("UPDATE dossiers SET verification_asked = 1000")
    await wait_in_vain(dossier, dossier_id, 86_401)
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert len(await requests(dossier)) == 2


async def test_several_watchdogs_at_once_ask_once(dossier: Service) -> None:
    for _ in range(10):
        await wait_in_vain(dossier, await dossier.dossier())
    await asyncio.gather(*(Watchdog(dossier.database, "identity", OVERDUE).run() for _ in range(5)))
    assert len(await requests(dossier)) == 20


async def test_nothing_is_asked_that_is_not_overdue(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, dossier_id, 800)
    before = await dossier.contents()
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert await dossier.contents() == before


@pytest.mark.parametrize("answer", [verified, rejected])
async def test_what_was_answered_is_not_asked_again(dossier: Service, answer: type) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await answer(dossier, dossier_id))
    await wait_in_vain(dossier, dossier_id)
    before = await dossier.contents()
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert await dossier.contents() == before


async def test_a_dossier_that_an_officer_has_refused_is_not_asked_about(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.decide(dossier_id, "refuse")
    await wait_in_vain(dossier, dossier_id)
    before = await dossier.contents()
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert await dossier.contents() == before


async def test_a_dossier_that_waits_for_papers_is_asked_about(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.hear(await scanned(dossier, dossier_id, "infected"))
    await wait_in_vain(dossier, dossier_id)
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert len(await requests(dossier)) == 2


async def test_the_answer_to_the_question_asked_again_counts(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await wait_in_vain(dossier, dossier_id)
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    await dossier.hear(await verified(dossier, dossier_id))
    assert await dossier.value("SELECT verification_answer FROM dossiers") == "verified"


async def test_more_than_a_batch_is_asked_about_in_one_run(dossier: Service) -> None:
    dossier_id = await dossier.dossier()
    await dossier.execute(
        """
        INSERT INTO dossiers (id, code, procedure, procedure_version, procedure_name, procedure_case, agency, owner,
                              channel, status, version, submitted_at, moved_at, verification_id, verification_answer,
                              verification_asked_at, correlation_id, answers)
        SELECT gen_random_uuid(), code || n, procedure, procedure_version, procedure_name, procedure_case, agency,
               owner, channel, status, version, submitted_at, moved_at, gen_random_uuid(), verification_answer,
               verification_asked_at - interval '1 hour', correlation_id, answers
        FROM dossiers, generate_series(1, $2) AS n WHERE id = $1
        """,
        dossier_id,
        BATCH + 5,
    )
    await Watchdog(dossier.database, "identity", OVERDUE).run()
    assert len(await requests(dossier)) == 1 + BATCH + 5
