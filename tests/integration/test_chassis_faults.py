"""Which records count as faults of the service, in which order, and when their number halts it."""

from collections.abc import Iterable

import pytest

from hoso_chassis import decoding, faults
from hoso_chassis.consequences import Consequence
from hoso_chassis.database import Database
from hoso_chassis.policy import Halt
from hoso_contracts.envelope import CloudEvent, parse
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityVerified
from support.batches import FIRST, GROUP, position, rows, seen, take
from support.counting import Count, Counting, envelope, record, verified


def unreadable(monkeypatch: pytest.MonkeyPatch, bad: CloudEvent) -> None:
    """Let our own reading fail at this event."""

    def stumble(event: CloudEvent, topic: str) -> Event | None:
        if event.id == bad.id:
            raise RuntimeError
        return parse(event, topic)

    monkeypatch.setattr(decoding, "parse", stumble)


async def test_a_record_that_our_own_reading_fails_at_costs_itself_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = envelope(verified())

    unreadable(monkeypatch, bad)
    await take(database, [record(verified(), 0), record(bad, 1)])

    assert await seen(database) == 1
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert (letter["reason"], letter["type"]) == ("not-readable", None)
    assert bad.subject not in letter["detail"]
    with pytest.raises(Halt):
        await take(database, [record(bad, offset) for offset in range(2, 2 + faults.LIMIT)])


def failing(_event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    raise KeyError


async def test_too_many_faults_in_a_row_halt_and_keep_nothing(database: Database) -> None:
    await take(database, [record(verified(), offset) for offset in range(3)], Counting(failing))
    with pytest.raises(Halt):
        await take(database, [record(verified(), offset) for offset in range(3, 20)], Counting(failing))

    assert await position(database) == 3
    assert len(await rows(database, "SELECT FROM dead_letters")) == 3
    async with database.connection() as connection:
        assert await faults.in_a_row(connection, GROUP, [FIRST]) == faults.LIMIT


async def test_a_good_record_begins_the_count_anew(database: Database) -> None:
    counting = Counting(failing)
    for offset in range(3 * faults.LIMIT):
        await take(database, [record(verified(), offset)], counting if offset % 5 else Counting())

    assert await position(database) == 3 * faults.LIMIT


@pytest.mark.parametrize("is_written_apart", [False, True])
async def test_unreadable_records_among_good_ones_are_no_faults_in_a_row(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    is_written_apart: bool,  # noqa: FBT001
) -> None:
    bad, unwritable = envelope(verified()), verified()
    unreadable(monkeypatch, bad)

    def then(event: IdentityVerified, count: Count) -> Iterable[Consequence]:
        if event.verification_id == unwritable.verification_id:
            count.seen = 5_000  # the table refuses it, and the batch is written record by record
        return ()

    mixed = [record(bad if offset % 2 == 0 else verified(), offset) for offset in range(2 * (faults.LIMIT + 2))]
    last = [record(unwritable, len(mixed))] if is_written_apart else []
    await take(database, mixed + last, Counting(then))

    assert await seen(database) == faults.LIMIT + 2
    letters = await rows(database, "SELECT reason FROM dead_letters ORDER BY record_offset")
    assert [row["reason"] for row in letters] == ["not-readable"] * (faults.LIMIT + 2) + ["not-writable"] * len(last)
    async with database.connection() as connection:
        assert await faults.in_a_row(connection, GROUP, [FIRST]) == len(last)


async def test_unreadable_records_in_a_row_halt_also_behind_good_ones(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = envelope(verified())
    unreadable(monkeypatch, bad)
    records = [record(verified() if offset < 3 else bad, offset) for offset in range(3 + faults.LIMIT)]
    with pytest.raises(Halt):
        await take(database, records)

    assert await position(database) == 0
    assert not await rows(database, "SELECT FROM dead_letters")


async def test_bad_data_never_halts(database: Database) -> None:
    poison = [record(verified(), offset, value=b"{") for offset in range(3 * faults.LIMIT)]
    await take(database, poison)

    assert len(await rows(database, "SELECT FROM dead_letters")) == len(poison)
    async with database.connection() as connection:
        assert await faults.in_a_row(connection, GROUP, [FIRST]) == 0
