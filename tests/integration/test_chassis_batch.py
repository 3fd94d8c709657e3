"""What one batch does to the database: everything that follows from its records, or nothing."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from hoso_chassis.batch import Batches
from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.positions import PartitionLost
from hoso_contracts.identity import IdentityVerified
from support.batches import FIRST, GROUP, position, rows, seen, take
from support.counting import Count, Counting, CountStore, envelope, record, refused, rejected, verified


class Nothing(BaseModel):
    """A payload without content."""


async def test_state_outbox_work_inbox_and_position_move_together(database: Database) -> None:
    database.max_ages["call"] = timedelta(days=1)

    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        yield refused(event.dossier_id)
        yield Work("call", str(event.dossier_id), event.dossier_id, Nothing())

    one, two = verified(), verified()
    following = await take(database, [record(one, 5), record(two, 9)], Counting(then))

    assert following == {FIRST: 10}
    assert await position(database) == 10
    assert await seen(database) == 2
    assert len(await rows(database, "SELECT FROM work")) == 2
    assert len(await rows(database, "SELECT FROM inbox")) == 2
    assert {row["key"] for row in await rows(database, "SELECT key FROM outbox")} == {
        str(one.dossier_id).encode(),
        str(two.dossier_id).encode(),
    }


async def test_an_event_sent_twice_is_taken_once(database: Database) -> None:
    same = envelope(verified())
    await take(database, [record(same, 0), record(same, 1)])
    await take(database, [record(same, 2)])

    assert await seen(database) == 1
    assert await position(database) == 3


async def test_sequences_have_no_gaps_across_batches(database: Database) -> None:
    event = verified()
    counting = Counting(lambda event, _: [refused(event.dossier_id), refused(event.dossier_id)])
    await take(database, [record(event, 0)], counting)
    await take(database, [record(verified(event.dossier_id), 1)], counting)

    headers = [dict(json.loads(row[0])) for row in await rows(database, "SELECT headers FROM outbox ORDER BY 1")]
    assert sorted(header["ce_sequence"] for header in headers) == [f"{number:012}" for number in (1, 2, 3, 4)]


async def test_a_handler_that_raises_costs_its_own_record_only(database: Database) -> None:
    bad = verified()

    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        yield refused(event.dossier_id)
        if event.verification_id == bad.verification_id:
            raise ZeroDivisionError("0129 Nguyễn Văn A")

    again = verified(bad.dossier_id)
    await take(database, [record(verified(), 0), record(bad, 1), record(again, 2)], Counting(then))

    assert await seen(database) == 2
    assert len(await rows(database, "SELECT FROM outbox")) == 2
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert (letter["reason"], letter["record_offset"]) == ("handler-failed", 1)
    assert letter["detail"].startswith("ZeroDivisionError at ")
    assert "Nguyễn" not in letter["detail"]
    assert await position(database) == 3


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"value": None}, "not-a-cloudevent"),
        ({"key": None}, "not-a-cloudevent"),
        ({"headers": ()}, "not-a-cloudevent"),
        ({"value": b"{"}, "wrong-shape"),
        ({"value": b"{}"}, "wrong-shape"),
        ({"value": b"\xff"}, "wrong-shape"),
    ],
)
async def test_a_bad_record_is_kept_byte_for_byte(database: Database, broken: dict[str, Any], reason: str) -> None:
    bad = record(verified(), 1, **broken)
    await take(database, [record(verified(), 0), bad, record(verified(), 2)])

    assert await seen(database) == 2
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert letter["reason"] == reason
    assert (letter["key"], letter["value"]) == (bad.key, bad.value)
    assert tuple(zip(letter["header_names"], letter["header_values"], strict=True)) == bad.headers


async def test_an_operator_reads_where_a_dead_letter_came_from_and_nothing_of_it(database: Database) -> None:
    with capture_logs() as said:
        await take(database, [record(verified(), 0, value=b"CANARY")])
    (line,) = [line for line in said if line["event"] == "dead-letter"]
    assert set(line) == {"event", "log_level", "topic", "partition", "offset", "reason"}
    assert "CANARY" not in str(said)


async def test_a_header_whose_name_postgresql_cannot_hold_dies_like_any_other(database: Database) -> None:
    good = record(verified(), 0)
    await take(database, [good, record(verified(), 1, headers=(("a\0b", b"\0"),))])

    assert await seen(database) == 1
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert (letter["header_names"], letter["header_values"]) == (["a\N{SYMBOL FOR NULL}b"], [b"\0"])


async def test_what_nobody_listens_to_is_passed_over(database: Database) -> None:
    unknown = envelope(verified(), type="hoso.identity.forgotten.v1")
    await take(database, [record(rejected(), 0), record(unknown, 1)])

    assert await position(database) == 2
    assert not await rows(database, "SELECT FROM dead_letters")


async def test_a_new_major_of_what_nobody_listens_to_is_passed_over(database: Database) -> None:
    await take(database, [record(envelope(rejected(), type="hoso.identity.rejected.v2"), 0)])

    assert await position(database) == 1
    assert not await rows(database, "SELECT FROM dead_letters")


async def test_an_event_over_the_limit_is_a_dead_letter(database: Database) -> None:
    event = envelope(verified())
    await take(database, [record(replace(event, data=event.data[:-1] + b" " * 65_536 + b"}"), 0)])

    assert [row["reason"] for row in await rows(database, "SELECT reason FROM dead_letters")] == ["too-large"]


async def test_an_unknown_major_is_a_dead_letter(database: Database) -> None:
    await take(database, [record(envelope(verified(), type="hoso.identity.verified.v2"), 0)])

    assert [row["reason"] for row in await rows(database, "SELECT reason FROM dead_letters")] == ["unknown-major"]


async def test_a_record_that_cannot_be_written_is_found_and_set_aside(database: Database) -> None:
    bad = verified()

    def then(event: IdentityVerified, count: Count) -> Iterable[Consequence]:
        if event.verification_id == bad.verification_id:
            count.seen = 5_000  # the table refuses it
        return ()

    await take(database, [record(verified(), 0), record(bad, 1), record(verified(), 2)], Counting(then))

    assert await seen(database) == 2
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert (letter["reason"], letter["record_offset"]) == ("not-writable", 1)
    assert await position(database) == 3


async def test_a_batch_of_a_lost_partition_leaves_nothing(database: Database) -> None:
    await take(database, [record(verified(), 0)])
    batches = Batches(database, GROUP, Counting().inbound, CountStore())
    with pytest.raises(PartitionLost):
        await batches.take([record(verified(), 1)], {FIRST: 0})

    assert await seen(database) == 1
    assert await position(database) == 1


async def test_what_is_announced_carries_cause_and_story(database: Database) -> None:
    sent = envelope(verified(), traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    await take(database, [record(sent, 0)], Counting(lambda event, _: [refused(event.dossier_id)]))

    (row,) = await rows(database, "SELECT headers FROM outbox")
    headers = dict(json.loads(row[0]))
    assert headers["ce_correlationid"] == str(sent.correlationid)
    assert headers["ce_causationid"] == str(sent.id)
    assert headers["ce_source"] == "/hoso/dossier"


async def test_two_dossiers_of_one_batch_are_independent(database: Database) -> None:
    await take(database, [record(verified(uuid4()), offset) for offset in range(500)])

    assert await seen(database) == 500
