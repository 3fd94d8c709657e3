"""Requests come in by batches on a real database; the register is played here, its real process in the other file."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from hoso_contracts.dossier import IdentityVerificationRequested
from hoso_identity.domain import Verification
from hoso_identity.matching import Declaration
from hoso_identity.policy import RegisterRefused
from hoso_identity.store import VerificationStore, forget_old
from hoso_identity.verifying import Finding
from support.counting import envelope
from support.identity import Identity, identity, requested
from support.waiting import until_async

LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"
DEAD = "SELECT count(*) FROM work WHERE state = 'dead'"


@pytest.fixture
async def worker(database_url: str) -> AsyncGenerator[Identity]:
    async with identity(database_url) as made:
        yield made


def saying(worker: Identity, verdict: str = "verified") -> Callable[[Declaration], Awaitable[Finding]]:
    async def perform(_: Declaration) -> Finding:
        return Finding("verified" if verdict == "verified" else "rejected", worker.database.clock())

    return perform


async def settled(worker: Identity) -> None:
    await until_async(lambda: worker.value(LIVE), within=10, is_=0)


async def test_a_question_becomes_a_row_and_work_and_nothing_is_told(worker: Identity) -> None:
    event = requested()
    await worker.take(event)

    assert await worker.state(event.verification_id) == "asked"
    (work,) = await worker.rows("SELECT kind, key, subject, payload, expires_at - created_at AS age FROM work")
    assert (work["kind"], work["key"], work["subject"]) == ("verify", str(event.dossier_id), event.verification_id)
    assert json.loads(work["payload"]) == {
        "identity_number": "003090000001",
        "full_name": "Trần Thị Hoà",
        "date_of_birth": "1990-03-07",
    }
    assert work["age"] == timedelta(days=3)
    assert await worker.announced() == []


async def test_the_row_of_a_verification_holds_no_personal_data(worker: Identity) -> None:
    await worker.take(requested())
    row = await worker.value("SELECT to_jsonb(v)::text FROM verifications AS v")
    for value in ("003090000001", "Trần", "1990"):
        assert value not in row


@pytest.mark.parametrize(("verdict", "field"), [("verified", "verified_at"), ("rejected", "rejected_at")])
async def test_an_answer_is_announced_once_with_its_cause(worker: Identity, verdict: str, field: str) -> None:
    event = requested()
    asked = envelope(event, source="/hoso/dossier")
    await worker.take(asked)
    async with worker.working(perform=saying(worker, verdict)):
        await settled(worker)

    (told,) = await worker.announced()
    assert (told["topic"], told["type"]) == ("identity.verifications.v1", f"hoso.identity.{verdict}.v1")
    assert told["key"] == str(event.dossier_id).encode()
    assert told["headers"]["ce_source"] == b"/hoso/identity"
    assert told["headers"]["ce_subject"] == str(event.verification_id).encode()
    assert told["headers"]["ce_correlationid"] == str(asked.correlationid).encode()
    assert told["headers"]["ce_causationid"] == str(asked.id).encode()
    assert set(json.loads(told["value"])) == {"dossier_id", "verification_id", field}
    assert await worker.state(event.verification_id) == "answered"
    assert await worker.value("SELECT count(*) FROM work") == 0


async def test_the_same_record_and_the_same_question_again_make_no_second_work(worker: Identity) -> None:
    event = requested()
    first = await worker.take(event)
    await worker.take_records(first)  # the producer sent it twice
    await worker.take(event, event)  # dossier's watchdog asked again, twice
    assert await worker.value("SELECT count(*) FROM work") == 1
    assert await worker.announced() == []

    async with worker.working(perform=saying(worker)):
        await settled(worker)
    assert len(await worker.announced()) == 1


async def test_a_known_verdict_is_told_again_with_the_same_words(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    async with worker.working(perform=saying(worker, "rejected")):
        await settled(worker)
        await worker.take(event)

    first, second = await worker.announced()
    assert first["value"] == second["value"]
    assert first["headers"]["ce_id"] != second["headers"]["ce_id"]
    assert await worker.value("SELECT count(*) FROM work") == 0


async def test_a_question_that_was_given_up_is_dead_work_and_lives_again_when_asked_again(worker: Identity) -> None:
    event = requested()

    async def refuse(_: Declaration) -> Finding:
        raise RegisterRefused("422")

    await worker.take(event)
    async with worker.working(perform=refuse):
        await settled(worker)
    assert await worker.state(event.verification_id) == "given-up"
    assert await worker.value("SELECT last_error FROM work WHERE state = 'dead'") == "refused"
    assert await worker.announced() == []

    await worker.take(event)
    assert await worker.state(event.verification_id) == "asked"
    assert await worker.value(LIVE) == 1
    async with worker.working(perform=saying(worker)):
        await settled(worker)
    assert [told["type"] for told in await worker.announced()] == ["hoso.identity.verified.v1"]


@pytest.mark.parametrize("loss", ["DELETE FROM work", "UPDATE work SET state = 'dead'"])
async def test_a_question_whose_work_was_lost_is_asked_again(worker: Identity, loss: str) -> None:
    event = requested()
    await worker.take(event)
    await worker.rows(loss)
    await worker.take(event)
    assert await worker.value(LIVE) == 1


async def test_an_id_of_another_dossier_is_set_aside_alone(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    await worker.take(requested(), requested(verification_id=event.verification_id))

    (letter,) = await worker.rows("SELECT reason, detail, type FROM dead_letters")
    assert (letter["reason"], letter["type"]) == ("handler-failed", IdentityVerificationRequested.type)
    assert "AnotherDossier" in letter["detail"]
    assert await worker.value("SELECT count(*) FROM verifications") == 2
    assert (
        await worker.value("SELECT coalesce(max(in_a_row), 0) FROM partition_faults") == 0
    )  # bad data, no fault of ours


async def test_a_record_of_the_wrong_shape_is_set_aside_without_a_value(worker: Identity) -> None:
    good = envelope(requested(), source="/hoso/dossier")
    bad = replace(good, id=uuid4(), data=good.data.replace(b"003090000001", b"00309000000X"))
    await worker.take(bad)
    (letter,) = await worker.rows("SELECT reason, detail FROM dead_letters")
    assert letter["reason"] == "wrong-shape"
    assert "identity_number" in letter["detail"]
    assert "00309" not in letter["detail"]


async def test_a_large_batch_with_everything_twice_becomes_one_work_each(worker: Identity) -> None:
    events = [requested() for _ in range(250)]
    await worker.take(*events, *events)
    assert await worker.value("SELECT count(*) FROM verifications WHERE state = 'asked'") == 250
    assert await worker.value("SELECT count(DISTINCT subject) FROM work") == 250
    assert await worker.value("SELECT count(*) FROM work") == 250

    async with worker.working(perform=saying(worker)), worker.working(perform=saying(worker)):
        await settled(worker)
    assert await worker.count_announced() == 250


async def test_a_worker_that_died_in_its_call_leaves_a_claim_that_another_finishes(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    await worker.rows("UPDATE work SET state = 'running', attempts = 1, run_at = now(), lease_until = now()")
    async with worker.working(perform=saying(worker)):
        await settled(worker)
    assert await worker.count_announced() == 1


async def test_a_result_whose_claim_was_lost_is_not_announced_twice(worker: Identity) -> None:
    """A worker hangs beyond its lease, another answers; then the first one wakes up with its own answer."""
    event = requested()
    await worker.take(event)

    async def answer_late(declared: Declaration) -> Finding:
        await worker.rows("UPDATE work SET run_at = now(), lease_until = now()")
        async with worker.working(perform=saying(worker, "verified")):
            await settled(worker)
        return await saying(worker, "rejected")(declared)

    async with worker.working(perform=answer_late, timeout=20):
        await until_async(worker.count_announced, within=10, is_=1)
    assert [told["type"] for told in await worker.announced()] == ["hoso.identity.verified.v1"]
    assert await worker.state(event.verification_id) == "answered"


async def test_what_is_settled_is_forgotten_after_thirty_days(worker: Identity) -> None:
    old, young, given_up, waiting = (
        Verification(uuid4(), uuid4(), "asked", asked_at=worker.database.clock()) for _ in range(4)
    )
    for one in (old, young):
        one.answer("verified", worker.database.clock())
    given_up.give_up()
    async with worker.database.transaction() as tx:
        await VerificationStore().save(tx.connection, [old, young, given_up, waiting])
    await worker.rows(
        "UPDATE verifications SET changed_at = now() - interval '30 days 1 hour' WHERE verification_id <> $1",
        young.verification_id,
    )
    async with worker.database.connection() as connection:
        assert await forget_old(connection) == 2
        assert await forget_old(connection) == 0
    left = await worker.rows("SELECT verification_id FROM verifications")
    assert {row["verification_id"] for row in left} == {young.verification_id, waiting.verification_id}


async def test_many_are_forgotten_in_steps(worker: Identity) -> None:
    await worker.rows(
        "INSERT INTO verifications (verification_id, dossier_id, state, asked_at, changed_at) "
        "SELECT gen_random_uuid(), gen_random_uuid(), 'given-up', now(), now() - interval '31 days' "
        "FROM generate_series(1, 2500)"
    )
    async with worker.database.connection() as connection:
        assert await forget_old(connection) == 2500
    assert await worker.value("SELECT count(*) FROM verifications") == 0


async def test_telling_a_verdict_again_does_not_keep_it_longer(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    async with worker.working(perform=saying(worker)):
        await settled(worker)
    before = await worker.value("SELECT changed_at FROM verifications")
    await worker.take(event)
    assert await worker.value("SELECT changed_at FROM verifications") == before


async def test_a_verdict_is_kept_from_the_day_it_was_given(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    await worker.rows("UPDATE verifications SET changed_at = now() - interval '40 days'")
    async with worker.working(perform=saying(worker)):
        await settled(worker)
    async with worker.database.connection() as connection:
        assert await forget_old(connection) == 0


async def test_a_loaded_verification_is_locked_until_the_commit(worker: Identity) -> None:
    event = requested()
    await worker.take(event)
    async with worker.database.transaction() as one, worker.database.transaction() as other:
        await worker.parts.store.load(one.connection, [event.verification_id])
        await other.connection.execute("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with other.connection.transaction():
                await worker.parts.store.load(other.connection, [event.verification_id])


async def test_what_is_saved_is_loaded(worker: Identity) -> None:
    now = worker.database.clock()
    made = [Verification(uuid4(), uuid4(), "asked", asked_at=now) for _ in range(3)]
    made[1].answer("rejected", now)
    made[2].give_up()
    store, fresh = VerificationStore(), uuid4()
    async with worker.database.transaction() as tx:
        await store.save(tx.connection, [*made, Verification(fresh)])
        loaded = await store.load(tx.connection, [fresh, *(one.verification_id for one in made)])
    assert loaded == {fresh: Verification(fresh)} | {one.verification_id: one for one in made}
