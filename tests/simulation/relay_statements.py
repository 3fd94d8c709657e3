"""The relay's statements as the simulated PostgreSQL does them: lease, outbox, and what the log is compared with."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from hoso_chassis import acknowledged, forgotten, incarnation, lease, relay
from simulation.answers import Answer, Steps
from simulation.rows import Transaction
from simulation.tables import Tables


def oldest_in_outbox(db: Tables, tx: Transaction, not_of: Sequence[str], limit: int, above: int) -> Steps:
    ends = {"oldest_running": tx.numbers.oldest_open(), "not_begun": tx.numbers.next}
    rows = [row for at, row in tx.snapshot(db.outbox).items() if row["topic"] not in not_of and at > above]
    rows.sort(key=lambda row: row["position"])
    return Answer.of({**row, **ends} for row in rows[:limit])
    yield


def keep_sent(db: Tables, tx: Transaction, sent: Sequence[int], *rest: Any) -> Steps:
    return (yield from _keep_sent(db, tx, _is_held, sent, *rest))


def keep_sent_of_anybody(db: Tables, tx: Transaction, sent: Sequence[int], *rest: Any) -> Steps:
    """Without the look at the lease: a guard that is switched off."""
    return (yield from _keep_sent(db, tx, _anybody, sent, *rest))


def _keep_sent(
    db: Tables, tx: Transaction, may: Callable[..., bool], sent: Sequence[int], name: str, *rest: Any
) -> Steps:
    holder, fence, *columns = rest
    if not may(tx.sees(db.leases.slots.get(name)), holder, fence):
        return Answer.of([{"gone": 0, "before": 0}])
    if may is _is_held and not may((yield from tx.lock(db.leases, name)), holder, fence):
        return Answer.of([{"gone": 0, "before": 0}])
    gone = before = 0
    for position in sorted(sent):
        if tx.sees(db.outbox.slots.get(position)) and (yield from tx.lock(db.outbox, position)):
            yield from tx.write(db.outbox, position, None)
            gone += 1
    for topic, number, old, new in zip(*columns, strict=True):
        key = (topic, number, old)
        if tx.sees(db.relayed.slots.get(key)) is not None and (yield from tx.lock(db.relayed, key)) is not None:
            yield from tx.write(db.relayed, key, None)
            before += 1
        yield from _insert_relayed(db, tx, (topic, number, new), is_first=False)
    return Answer.of([{"gone": gone, "before": before}])


def _is_held(held: Any, holder: UUID, fence: int) -> bool:
    return held is not None and (held["holder"], held["fence"]) == (holder, fence)


def _anybody(*_: Any) -> bool:
    return True


def _insert_relayed(db: Tables, tx: Transaction, key: Any, *, is_first: bool) -> Steps:
    if (yield from tx.lock(db.relayed, key)) is not None:
        raise asyncpg.UniqueViolationError("duplicate key value violates unique constraint")
    yield from tx.write(db.relayed, key, {"is_first": is_first})
    return Answer("INSERT 0 1")


def load_relayed(db: Tables, tx: Transaction) -> Steps:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for (topic, number, offset), row in tx.snapshot(db.relayed).items():
        before = found.get((topic, number), {"next_offset": -1, "is_first": True})
        found[topic, number] = {
            "topic": topic,
            "partition": number,
            "next_offset": max(offset, before["next_offset"]),
            "is_first": row["is_first"] and before["is_first"],
        }
    return Answer.of(found.values())
    yield


def clear_relayed(db: Tables, tx: Transaction, topics: Sequence[str], numbers: Sequence[int]) -> Steps:
    moved = set(zip(topics, numbers, strict=True))
    for key in tx.snapshot(db.relayed):
        if key[:2] in moved and (yield from tx.lock(db.relayed, key)) is not None:
            yield from tx.write(db.relayed, key, None)
    return Answer("DELETE 0")


def put_relayed(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    for topic, number, offset, is_first in zip(*columns, strict=True):
        yield from tx.insert_or_skip(db.relayed, (topic, number, offset), {"is_first": is_first})
    return Answer("INSERT 0 1")


def _event_id(row: Any) -> UUID:
    return UUID(dict(orjson.loads(row["headers"]))["ce_id"])


def delete_found(db: Tables, tx: Transaction, ids: Sequence[UUID]) -> Steps:
    wanted, done = set(ids), list[Any]()
    for position, row in sorted(tx.snapshot(db.outbox).items()):
        if _event_id(row) in wanted and (yield from tx.lock(db.outbox, position)):
            yield from tx.write(db.outbox, position, None)
            done.append({"id": _event_id(row)})
    return Answer.of(done)


def stored_sequences(db: Tables, tx: Transaction, topics: Sequence[str], subjects: Sequence[UUID]) -> Steps:
    return Answer.of(
        {"topic": topic, "subject": subject, "sequence": row}
        for topic, subject in zip(topics, subjects, strict=True)
        if (row := tx.sees(db.streams.slots.get((topic, subject)))) is not None
    )
    yield


def raise_sequences(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    for topic, subject, sequence in zip(*columns, strict=True):
        last = (yield from tx.lock(db.streams, (topic, subject))) or 0
        yield from tx.write(db.streams, (topic, subject), max(last, sequence))
    return Answer("INSERT 0 1")


def waiting_in_outbox(db: Tables, tx: Transaction, topics: Sequence[str], keys: Sequence[bytes]) -> Steps:
    rows: list[Any] = []
    for position, row in sorted(tx.snapshot(db.outbox).items()):
        if row["topic"] in topics and row["key"] in keys and (latest := (yield from tx.lock(db.outbox, position))):
            rows.append(latest)
    return Answer.of(rows)


def report_forgotten(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    for row in zip(*columns, strict=True):
        yield from tx.insert_or_skip(db.forgotten, row[0], row[1:])
    return Answer("INSERT 0 1")


def standing(_: Tables, __: Transaction) -> Steps:
    """Nobody puts this database back."""
    return Answer.of([{"is_settled": True, "epoch": 0, "restored_at": None}])
    yield


def hold_lease(db: Tables, tx: Transaction, name: str, holder: UUID, duration: timedelta) -> Steps:
    held = yield from tx.lock(db.leases, name)
    if held is not None and held["holder"] != holder and held["expires_at"] > tx.now:
        return Answer("INSERT 0 0")
    same = held is not None and held["holder"] == holder and held["expires_at"] > tx.now
    fence = 1 if held is None else held["fence"] + (not same)
    yield from tx.write(db.leases, name, {"holder": holder, "expires_at": tx.now + duration, "fence": fence})
    return Answer.of([{"fence": fence}])


def require_lease(db: Tables, tx: Transaction, name: str, holder: UUID, fence: int) -> Steps:
    held = tx.sees(db.leases.slots.get(name))
    if not _is_held(held, holder, fence) or not _is_held((yield from tx.lock(db.leases, name)), holder, fence):
        return Answer.of([])
    return Answer.of([{"?column?": 1}])


def require_no_lease(_: Tables, __: Transaction, *___: Any) -> Steps:
    """Always held: a guard that is switched off."""
    return Answer.of([{"?column?": 1}])
    yield


def release_lease(db: Tables, tx: Transaction, name: str, holder: UUID) -> Steps:
    held = yield from tx.lock(db.leases, name)
    if held is not None and held["holder"] == holder:
        yield from tx.write(db.leases, name, {**held, "expires_at": tx.now})
    return Answer("UPDATE 1")


STATEMENTS: Final[dict[str, Callable[..., Steps]]] = {
    relay._OLDEST: oldest_in_outbox,
    acknowledged._LOAD: load_relayed,
    acknowledged._SENT: keep_sent,
    acknowledged._CLEAR: clear_relayed,
    acknowledged._PUT: put_relayed,
    forgotten._DELETE_FRONT: delete_found,
    forgotten._DELETE_ANYWHERE: delete_found,
    forgotten._STORED: stored_sequences,
    forgotten._RAISE: raise_sequences,
    forgotten._WAITING: waiting_in_outbox,
    forgotten._REPORT: report_forgotten,
    incarnation._STANDING: standing,
    lease._HOLD: hold_lease,
    lease._HELD: require_lease,
    lease._RELEASE: release_lease,
}
