"""What becomes of dead letters that are redriven or purged, one by one, on a real PostgreSQL."""

import asyncio
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from hoso_chassis import decoding
from hoso_chassis.batch import Batches
from hoso_chassis.consequences import Consequence
from hoso_chassis.database import Database
from hoso_chassis.redrive import Desk
from hoso_contracts.envelope import CloudEvent, parse
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityVerified
from support.batches import GROUP, position, rows, seen, take
from support.counting import Count, Counting, CountStore, envelope, record, refused, verified
from support.operators import Operator, somebody_holds


def failing(_event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    raise KeyError


def refusing(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    yield refused(event.dossier_id)


def unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own reading fails at everything until the patch is undone."""

    def stumble(_event: CloudEvent, _topic: str) -> Event | None:
        raise RuntimeError

    monkeypatch.setattr(decoding, "parse", stumble)


def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "parse", parse)


async def died(database: Database, *events: IdentityVerified | CloudEvent) -> None:
    """These died in the handler, in one batch, behind a good record."""
    await take(database, [record(verified(), 0)])
    await take(database, [record(event, number) for number, event in enumerate(events, 1)], Counting(failing))


async def everything(database: Database) -> dict[str, Any]:
    """All that a redrive may change."""
    names = ("counts", "inbox", "outbox", "work", "dead_letters", "positions", "operator_actions", "streams")
    return {name: sorted(map(str, await rows(database, f"SELECT t::text FROM {name} AS t"))) for name in names}  # noqa: S608


async def test_a_mended_letter_has_its_effect_once_and_is_gone(database: Database) -> None:
    await died(database, verified(), verified())
    operator = Operator(database, Counting(refusing))
    said = await operator.redrives()

    assert (said.status, said.outcomes) == (0, ["done", "done"])
    assert said.out.splitlines()[-1] == "dossier, letters of standard input: 2: 2 done"
    assert (await seen(database), await operator.letters(), await position(database)) == (3, [], 3)
    assert [row[0] for row in await rows(database, "SELECT type FROM outbox")] == ["hoso.dossier.refused.v1"] * 2
    assert await operator.acts() == [("linh", "dead-letters redrive", "handler-failed", "done")] * 2


async def test_one_that_fails_again_stays_and_says_how_often_it_came_back(database: Database) -> None:
    good, bad = verified(), verified()
    await died(database, good, bad)
    (before,) = [one for one in await Operator(database).letters() if one["attempts"] == 1][1:]

    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        yield refused(event.dossier_id)
        if event.verification_id == bad.verification_id:
            raise ZeroDivisionError("0129 Nguyễn Văn A")

    operator = Operator(database, Counting(then))
    first, second = await operator.redrives(), await operator.redrives()

    assert (first.status, first.outcomes, second.status) == (1, ["done", "failed-again"], 1)
    assert "(attempt 3)" in second.out
    (letter,) = await operator.letters()
    assert (letter["id"], letter["attempts"], letter["reason"]) == (before["id"], 3, "handler-failed")
    assert letter["detail"].startswith("ZeroDivisionError at ")
    assert [line["attempts"] for line in (await operator.runs("dead-letters", "list")).lines] == [3]
    assert len(await rows(database, "SELECT FROM outbox")) == 1
    assert [outcome for *_, outcome in await operator.acts()] == ["done", "failed-again", "failed-again"]


async def test_one_that_cannot_be_written_fails_again_and_leaves_nothing(database: Database) -> None:
    await died(database, verified())

    def then(_event: IdentityVerified, count: Count) -> Iterable[Consequence]:
        count.seen = 5_000  # the table refuses it
        return ()

    operator = Operator(database, Counting(then))
    assert (await operator.redrives()).outcomes == ["failed-again"]
    assert [(one["reason"], one["attempts"]) for one in await operator.letters()] == [("not-writable", 2)]
    assert await seen(database) == 1


async def test_an_event_that_was_taken_in_since_is_superseded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = envelope(verified())
    unreadable(monkeypatch)
    await take(database, [record(event, 0)])
    mended(monkeypatch)
    await take(database, [record(event, 1)])
    operator = Operator(database)

    assert (await operator.redrives()).outcomes == ["superseded"]
    assert (await seen(database), await operator.letters()) == (1, [])
    assert await operator.acts() == [("linh", "dead-letters redrive", "not-readable", "superseded")]


async def test_one_that_died_unread_is_taken_in_once_for_all(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = envelope(verified())
    unreadable(monkeypatch)
    await take(database, [record(event, 0)])
    mended(monkeypatch)
    assert (await Operator(database, Counting(failing)).redrives()).outcomes == ["failed-again"]  # read
    unreadable(monkeypatch)
    assert (await Operator(database).redrives()).outcomes == ["failed-again"]  # deployed backwards
    mended(monkeypatch)
    assert (await Operator(database).redrives()).outcomes == ["done"]
    await take(database, [record(event, 1)])

    assert await seen(database) == 1


async def test_one_that_comes_too_late_is_removed_without_an_effect(database: Database) -> None:
    late, good = verified(), verified()
    await died(database, late, good)

    def is_late(event: IdentityVerified, _count: Count) -> bool:
        return event.verification_id == late.verification_id

    operator = Operator(database, Counting(refusing, superseded=is_late))
    assert (await operator.redrives()).outcomes == ["superseded", "done"]
    assert (await seen(database), await operator.letters()) == (2, [])
    assert len(await rows(database, "SELECT FROM outbox")) == 1


async def test_a_judgement_of_lateness_that_fails_is_a_failure_of_the_letter(database: Database) -> None:
    await died(database, verified())
    operator = Operator(database, Counting(superseded=lambda _event, count: count.seen / 0 > 1))

    assert (await operator.redrives()).outcomes == ["failed-again"]
    assert (await operator.letters())[0]["detail"].startswith("ZeroDivisionError at ")


async def test_what_is_in_somebody_elses_hand_is_skipped_and_said_so(database: Database) -> None:
    await died(database, verified(), verified())
    operator = Operator(database)
    held, free = [one["id"] for one in await operator.letters()]
    async with somebody_holds(database, held):
        said = await operator.redrives()

    assert (said.status, said.outcomes) == (0, ["locked", "done"])
    assert [one["id"] for one in await operator.letters()] == [held]
    assert (await operator.redrives(given=f'{{"id": "{free}"}}\n')).outcomes == ["gone"]


async def test_what_nobody_listens_to_is_passed_over_and_kept(database: Database) -> None:
    await died(database, verified())
    operator = Operator(database)
    operator.counting.inbound.routes.clear()

    assert (await operator.redrives()).outcomes == ["passed-over"]
    assert (len(await operator.letters()), await operator.acts()) == (1, [])


async def test_a_dry_run_says_what_would_happen_and_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, late = verified(), verified(), verified()
    await died(database, good, bad, late)
    unreadable(monkeypatch)
    await take(database, [record(verified(), 4)])
    mended(monkeypatch)

    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        yield refused(event.dossier_id)
        if event.verification_id == bad.verification_id:
            raise KeyError

    operator = Operator(database, Counting(then, superseded=lambda event, _: event.dossier_id == late.dossier_id))
    before = await everything(database)
    said = await operator.runs("dead-letters", "redrive", "-", "--dry-run", given=await operator.lists())

    assert (said.status, said.outcomes) == (1, ["done", "failed-again", "superseded", "done"])
    assert said.out.count("would announce or enqueue: hoso.dossier.refused.v1") == 2
    assert said.out.endswith("2 done, 1 failed-again, 1 superseded (dry run: nothing was changed)\n")
    purged = await operator.runs("dead-letters", "purge", "-", "--dry-run", given=await operator.lists())
    assert purged.outcomes == ["purged"] * 4
    assert await everything(database) == before


async def test_a_purge_removes_and_keeps_who_did_it(database: Database) -> None:
    await died(database, verified(), verified())
    operator = Operator(database)
    listed = (await operator.lists()).splitlines()[0]
    said = await operator.runs("dead-letters", "purge", "-", "--by", "linh", given=listed)

    assert (said.status, said.outcomes, len(await operator.letters())) == (0, ["purged"], 1)
    (row,) = await rows(database, "SELECT * FROM operator_actions")
    assert (row["operator"], row["command"], row["outcome"]) == ("linh", "dead-letters purge", "purged")
    assert (row["type"], row["reason"]) == ("hoso.identity.verified.v1", "handler-failed")
    assert row["origin"] == "identity.verifications.v1/0@1"
    assert await seen(database) == 1


WRONG: list[tuple[list[str], str, str]] = [  # options, what is given after the letters, what is said
    (["--by", "linh", "--max", "1"], "", "2 lines are more than --max 1"),
    ([], "", "--by NAME is missing"),
    (["--by", "linh"], "no line\n", "line 3 is no line of a list"),
    (["--by", "linh"], '{"ID": 1}\n', "line 3 is no line of a list"),
    (["--by", "linh"], '{"id": "1"}\n', "letter 3 of the list has no letter's id"),
    (["--by", "linh"], '{"id": null}\n', "line 3 has no id"),
    (["--by", "Nguyễn Văn An"], "", "a name has 1 to 64 of"),
    (["--by", "linh", "--rate", "0"], "", "a number above 0"),
]


async def test_what_is_asked_for_wrongly_is_refused_before_anything_is_done(database: Database) -> None:
    await died(database, verified(), verified())
    operator = Operator(database)
    before, listed = await everything(database), await operator.lists()
    for command in ("redrive", "purge"):
        for options, more, said in WRONG:
            answer = await operator.runs("dead-letters", command, "-", *options, given=listed + more)
            assert (answer.status, answer.out) == (2, ""), said
            assert said in answer.err
    assert await everything(database) == before


async def test_redrives_are_no_faults_in_a_row(database: Database) -> None:
    await died(database, *(verified() for _ in range(9)))
    before = await rows(database, "SELECT t::text FROM partition_faults AS t")
    assert (await Operator(database, Counting(failing)).redrives()).status == 1
    assert (await Operator(database).redrives()).status == 0
    assert await rows(database, "SELECT t::text FROM partition_faults AS t") == before


async def test_a_redrive_beside_a_live_consumer_loses_no_update(database: Database) -> None:
    same = [uuid4() for _ in range(4)]  # dossiers that the database has not yet
    await died(database, *(verified(same[number % 4]) for number in range(8)))
    operator = Operator(database, Counting(refusing))

    async def consume() -> None:
        for offset in range(9, 49, 2):
            events = [record(verified(same[offset % 4]), offset), record(verified(same[(offset + 1) % 4]), offset + 1)]
            await take(database, events)
            await asyncio.sleep(0)

    said, _ = await asyncio.gather(operator.redrives(), consume())
    assert said.outcomes == ["done"] * 8
    assert await seen(database) == 1 + 8 + 40


async def test_two_redrives_of_one_list_do_each_letter_once(database: Database) -> None:
    await died(database, *(verified() for _ in range(9)))
    letters = [one["id"] for one in await Operator(database).letters()]

    async def redrive() -> list[str]:
        desk = Desk(Batches(database, GROUP, Counting().inbound, CountStore()), "linh")
        return [(await desk.redrive(letter)).outcome for letter in letters]

    outcomes = [outcome for one in await asyncio.gather(redrive(), redrive()) for outcome in one]
    assert outcomes.count("done") == 9
    assert set(outcomes) <= {"done", "locked", "gone"}
    assert await seen(database) == 10
