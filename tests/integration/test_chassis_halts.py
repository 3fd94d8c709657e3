"""When a service stops for good and when it must not: several replicas, a release that fails at everything, a probe."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from hoso_chassis import faults, positions
from hoso_chassis.batch import Batches
from hoso_chassis.consequences import Consequence
from hoso_chassis.database import Database
from hoso_chassis.policy import Halt
from hoso_chassis.postgres import Connection
from hoso_chassis.records import Record
from hoso_contracts.identity import IdentityVerified
from support.batches import GROUP, rows
from support.consuming import consuming, group_at_the_end, seen, send
from support.counting import Count, Counting, CountStore, record, verified
from support.waiting import until_async

TOPIC = "identity.verifications.v1"
HERE, THERE = (TOPIC, 0), (TOPIC, 1)
Then = Callable[[IdentityVerified, Count], Iterable[Consequence]]


def failing(_event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    raise KeyError


class Replica:
    """One process of the group as its database sees it: the partitions it reads, and its release."""

    def __init__(self, database: Database, *owned: positions.Partition, then: Then | None = None) -> None:
        counting = Counting(then) if then else Counting()
        self.batches = Batches(database, GROUP, counting.inbound, CountStore())
        self.database, self.owned = database, owned

    async def take(self, *records: Record) -> None:
        async with self.database.connection() as connection:
            await positions.begin(connection, GROUP, dict.fromkeys(self.owned, 0))
            expected = await positions.load(connection, GROUP, self.owned)
        await self.batches.take(records, expected)

    async def count(self) -> int:
        async with self.database.connection() as connection:
            return await faults.in_a_row(connection, GROUP, self.owned)


async def test_the_good_records_of_one_replica_do_not_hide_that_another_fails_at_everything(database: Database) -> None:
    """A release that is rolled out and wrong must not drain its share of the partitions into dead letters."""
    old, new = Replica(database, HERE), Replica(database, THERE, then=failing)
    for offset in range(faults.LIMIT - 1):
        await old.take(record(verified(), offset))
        await new.take(record(verified(), offset, partition=1))
    await old.take(record(verified(), faults.LIMIT - 1))
    with pytest.raises(Halt):
        await new.take(record(verified(), faults.LIMIT - 1, partition=1))

    assert len(await rows(database, "SELECT FROM dead_letters")) == faults.LIMIT - 1
    assert (await old.count(), await new.count()) == (0, faults.LIMIT)


async def test_faults_of_two_replicas_are_not_added_up_until_one_takes_over_from_the_other(database: Database) -> None:
    one, other = Replica(database, HERE, then=failing), Replica(database, THERE, then=failing)
    for offset in range(6):
        await one.take(record(verified(), offset))
        await other.take(record(verified(), offset, partition=1))
    assert (await one.count(), await other.count()) == (6, 6)

    assert await Replica(database, HERE, THERE).count() == 12


async def test_who_takes_over_and_does_well_begins_anew_for_all_its_partitions(database: Database) -> None:
    failed = Replica(database, HERE, THERE, then=failing)
    with pytest.raises(Halt):
        await failed.take(*(record(verified(), offset, partition=offset % 2) for offset in range(faults.LIMIT)))
    assert await failed.count() == faults.LIMIT

    mended = Replica(database, HERE, THERE)
    await mended.take(record(verified(), 0))
    assert await mended.count() == 0


async def test_a_handler_that_fails_at_one_kind_of_record_among_good_ones_never_halts(database: Database) -> None:
    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        if event.dossier_id in unlucky:
            raise KeyError
        return ()

    events = [verified() for _ in range(20 * faults.LIMIT)]
    unlucky = {event.dossier_id for number, event in enumerate(events) if number % 5}
    await Replica(database, HERE, then=then).take(*(record(event, offset) for offset, event in enumerate(events)))
    assert len(await rows(database, "SELECT FROM dead_letters")) == len(unlucky)


async def test_bad_data_in_any_number_neither_counts_nor_begins_the_count_anew(database: Database) -> None:
    replica, good = Replica(database, HERE, then=failing), Replica(database, HERE)
    await replica.take(*(record(verified(), offset) for offset in range(faults.LIMIT - 1)))
    await good.take(*(record(verified(), offset, value=b"{") for offset in range(9, 9 + 5 * faults.LIMIT)))
    assert await replica.count() == faults.LIMIT - 1


async def test_after_a_halt_the_mended_release_tries_one_record_and_then_goes_at_full_speed(
    database: Database, kafka: str
) -> None:
    group = await group_at_the_end(database, kafka)
    events, taken = [verified() for _ in range(600)], list[int]()
    await send(kafka, events[:40])
    async with consuming(database, kafka, group, Counting(failing)) as consumer:
        with pytest.raises(Halt):
            await asyncio.wait_for(asyncio.shield(consumer.halted), 30)
    await send(kafka, events[40:])
    (lost,) = (await rows(database, "SELECT count(*)::int AS n FROM dead_letters"))[0]

    class Sized(CountStore):
        """Notes how many records came together."""

        async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Count]:
            taken.append(len(ids))
            return await super().load(connection, ids)

    async with consuming(database, kafka, group, store=Sized()):
        await until_async(seen(database, events), within=30, is_=600 - lost)
    assert taken[0] == 1
    assert max(taken[1:]) > faults.LIMIT
    assert await rows(database, "SELECT FROM partition_faults WHERE in_a_row > 0") == []


@pytest.mark.parametrize("error", [TopicAuthorizationFailedError, GroupAuthorizationFailedError])
async def test_what_the_broker_does_not_allow_halts_and_says_so(
    database: Database, kafka: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    group = await group_at_the_end(database, kafka)

    async def getmany(_client: AIOKafkaConsumer, **_options: int) -> None:
        raise error(TOPIC)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", getmany)
    async with consuming(database, kafka, group) as consumer:
        with pytest.raises(Halt, match=f"{error.__name__}.*not allowed"):
            await asyncio.wait_for(asyncio.shield(consumer.halted), 30)
