"""Work that was given up: an operator sees it without what it holds, and makes it live again, on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from uuid import uuid4

import orjson
from pydantic import BaseModel

from hoso_chassis.breaker import Breaker
from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.performer import Performer
from hoso_chassis.work import GivenUp, Kind, OutcomeUnknown, TargetRefused
from support.batches import rows
from support.counting import Count, CountStore
from support.operators import Operator
from support.waiting import until_async

NUMBER = "003204001239"


class Call(BaseModel):
    """A payload that is personal."""

    number: str = NUMBER


def count(_payload: Call, _result: None, counted: Count) -> Iterable[Consequence]:
    counted.seen += 1
    return ()


def nothing(_payload: Call, _why: GivenUp, _count: Count) -> Iterable[Consequence]:
    return ()


def kind(
    perform: Callable[[Call], Awaitable[None]], name: str = "call", *, once: bool = False
) -> Kind[Call, None, Count]:
    return Kind(name, "outside", Call, perform, count, nothing, max_age=timedelta(days=3), at_most_once=once)


async def refuses(_: Call) -> None:
    raise TargetRefused


async def loses(_: Call) -> None:
    raise OutcomeUnknown


async def does(_: Call) -> None:
    return None


async def enqueued(database: Database, name: str, number: int) -> None:
    database.max_ages[name] = timedelta(days=3)
    async with database.transaction() as tx:
        for _ in range(number):
            tx.enqueue(Work(name, f"{NUMBER}/{uuid4()}", uuid4(), Call()))


async def worked(database: Database, one: Kind[Call, None, Count], live: str = "0") -> None:
    """Perform this kind until nothing of it is live."""
    performer = Performer(database, one, CountStore(), Breaker(one.target, 1000))
    running = asyncio.create_task(performer.run())
    query = f"SELECT count(*) = {live} FROM work WHERE kind = '{one.name}' AND state <> 'dead'"  # noqa: S608
    await until_async(lambda: _holds(database, query), within=20)
    performer.stop()
    await running


async def _holds(database: Database, query: str) -> bool:
    return (await rows(database, query))[0][0]


async def test_what_was_refused_is_seen_from_outside_and_done_once_retried(database: Database) -> None:
    await enqueued(database, "call", 3)
    await worked(database, kind(refuses))
    operator = Operator(database, kinds=[kind(does)])
    listed = await operator.runs("work", "list")

    assert "3 dead, 0 older than 15 minutes" in listed.err
    assert set(listed.lines[0]) == {
        *("id", "kind", "state", "attempts", "age_seconds", "last_error", "subject", "died_at"),
    }
    assert {(line["state"], line["attempts"], line["last_error"]) for line in listed.lines} == {("dead", 1, "refused")}
    assert (await operator.runs("work", "retry", "-", given=listed.out)).status == 2, "without a name"
    tried = await operator.runs("work", "retry", "-", "--dry-run", given=listed.out)
    assert (tried.status, tried.outcomes) == (0, ["retried"] * 3)
    assert await rows(database, "SELECT FROM work WHERE state <> 'dead'") == []

    said = await operator.runs("work", "retry", "-", "--by", "linh", given=listed.out)
    assert (said.status, said.outcomes) == (0, ["retried"] * 3)
    assert NUMBER not in listed.out + listed.err + said.out + said.err
    live = await rows(database, "SELECT state, attempts, expires_at > now() + interval '71 h' FROM work")
    assert {tuple(row) for row in live} == {("ready", 1, True)}
    assert await operator.acts() == [("linh", "work retry", "refused", "retried")] * 3
    assert (await operator.runs("work", "retry", "-", "--by", "linh", given=listed.out)).outcomes == ["not-dead"] * 3
    await worked(database, kind(does))
    assert (await rows(database, "SELECT sum(seen)::int FROM counts"))[0][0] == 3


async def test_what_may_have_been_sent_is_sent_again_only_when_that_is_said(database: Database) -> None:
    await enqueued(database, "sms", 1)
    await worked(database, kind(loses, "sms", once=True))
    operator = Operator(database, kinds=[kind(does, "sms", once=True)])
    listed = (await operator.runs("work", "list", "--kind", "sms")).out
    said = await operator.runs("work", "retry", "-", "--by", "linh", given=listed)

    assert (said.status, said.outcomes) == (1, ["may-have-happened"])
    assert "may send a second SMS" in said.out
    assert (await rows(database, "SELECT state FROM work"))[0][0] == "dead"
    said = await operator.runs("work", "retry", "-", "--by", "linh", "--even-unknown", given=listed)
    assert (said.status, said.outcomes) == (0, ["retried"])


async def test_what_this_program_cannot_do_stays_dead(database: Database) -> None:
    await enqueued(database, "call", 2)
    await worked(database, kind(refuses))
    async with database.connection() as connection:
        await connection.execute("UPDATE work SET payload = '{}'::text::bytea WHERE id = (SELECT min(id) FROM work)")
        await connection.execute("UPDATE work SET kind = 'gone' WHERE id = (SELECT max(id) FROM work)")

    class Other(BaseModel):
        needed: int

    other = Kind("call", "outside", Other, does, count, nothing)  # pyright: ignore[reportArgumentType]
    operator = Operator(database, kinds=[other])
    said = await operator.runs("work", "retry", "-", "--by", "linh", given=(await operator.runs("work", "list")).out)
    assert (said.status, said.outcomes) == (1, ["unreadable", "no-such-kind"])
    assert len(await rows(database, "SELECT FROM work WHERE state = 'dead'")) == 2


async def test_what_waits_too_long_is_listed_beside_the_dead_and_is_no_matter_of_retrying(database: Database) -> None:
    await enqueued(database, "call", 2)
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE work SET created_at = now() - interval '20 min' WHERE id = (SELECT max(id) FROM work)"
        )
    operator = Operator(database, kinds=[kind(does)])
    (line,) = (await operator.runs("work", "list")).lines
    assert (line["state"], 1190 < line["age_seconds"] < 1260) == ("ready", True)
    assert len((await operator.runs("work", "list", "--older-than", "30")).lines) == 0
    said = await operator.runs("work", "retry", "-", "--by", "linh", given=orjson.dumps(line).decode())
    assert (said.status, said.outcomes) == (0, ["not-dead"])
