"""The work queue's statements as the simulated PostgreSQL does them; each looks first and locks later."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hoso_chassis import claims, work, work_floors
from simulation.answers import Answer, Steps
from simulation.rows import Transaction
from simulation.tables import Tables

_REVIVED: Final = 16
_SHOWN: Final = (
    *("id", "kind", "key", "subject", "payload", "attempts", "lost_claims", "expires_at"),
    *("traceparent", "correlation_id", "causation_id", "replay_id"),
)
Rows = dict[int, Any]


def insert_work(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    heads: set[str] = set()
    for kind, key, subject, payload, age, traceparent, correlation, causation, replay, priority in zip(
        *columns, strict=True
    ):
        identity = db.work.next_identity()
        row = {
            "id": identity, "kind": kind, "key": key, "subject": subject, "payload": payload, "attempts": 0,
            "state": "waiting" if key in heads else "ready", "run_at": db.clock(), "lease_until": None,
            "expires_at": tx.now + age, "lost_claims": 0, "priority": int(priority), "traceparent": traceparent,
            "correlation_id": correlation, "causation_id": causation, "replay_id": replay, "last_error": None,
        }  # fmt: skip
        heads.add(key)
        yield from tx.write(db.work, identity, row)
    return Answer("INSERT 0 1")


def revive_work(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    asked = set(zip(*columns, strict=True))
    for key, row in tx.snapshot(db.work).items():
        if (
            row["state"] == "dead"
            and (row["kind"], row["subject"], row["payload"]) in asked
            and (yield from tx.lock(db.work, key))
        ):
            yield from tx.write(db.work, key, None)
    return Answer("DELETE 0")


def _due_at(row: Any) -> datetime:
    return row["lease_until"] if row["state"] == "running" else row["run_at"]


def _first(rows: Rows, now: datetime, floor: datetime, most: int, **wanted: Any) -> list[Any]:
    """The rows of one side that are due, at or above its floor, by when they are."""
    due = [
        row
        for row in rows.values()
        if all(row[name] == value for name, value in wanted.items()) and floor <= _due_at(row) <= now
    ]
    return sorted(due, key=_due_at)[:most]


def _seen(rows: Rows, now: datetime, kind: str, *sides: Any) -> list[tuple[Any, int | None]]:
    """Due rows, and the oldest live row before each in its key."""
    priorities, floors_, leases, most = sides
    seen: list[Any] = []
    for priority, floor in zip(priorities, floors_, strict=True):
        seen += _first(rows, now, floor, most, kind=kind, priority=priority, state="ready")
    seen += _first(rows, now, leases, most, kind=kind, state="running")
    return [(row, _older(rows, row)) for row in seen]


def _older(rows: Rows, row: Any) -> int | None:
    before = (o["id"] for o in rows.values() if o["key"] == row["key"] and o["id"] < row["id"] and o["state"] != "dead")
    return min(before, default=None)


def _is_head(rows: Rows, now: datetime, row: Any, older: int | None) -> bool:
    if older is not None:
        return False
    younger = sorted(
        (o for o in rows.values() if o["key"] == row["key"] and o["id"] > row["id"] and o["state"] != "dead"),
        key=lambda o: o["id"],
    )
    return not any(o["state"] == "running" and o["lease_until"] > now for o in younger[:_REVIVED])


def claim(db: Tables, tx: Transaction, *arguments: Any) -> Steps:
    return (yield from _claim(db, tx, _is_head, *arguments))


def claim_whatever_its_key(db: Tables, tx: Transaction, *arguments: Any) -> Steps:
    """Without the look for an older one: a guard that is switched off."""
    return (yield from _claim(db, tx, lambda *_: True, *arguments))


def _claim(db: Tables, tx: Transaction, is_head: Callable[..., bool], kind: str, *arguments: Any) -> Steps:
    *sides, limit, lease, resumed, longest_first = arguments
    rows, now = tx.snapshot(db.work), tx.now
    seen = _seen(rows, now, kind, *sides)
    heads = [row for row, older in seen if is_head(rows, now, row, older)]
    heads.sort(key=lambda row: (0 if longest_first else row["priority"], _due_at(row)))
    yield None
    numbers = {"ready": 0, "running": 0}
    claimed: list[Any] = []
    for row in heads:
        numbers[row["state"]] += 1
        if len(claimed) >= limit or (row["state"] == "running" and numbers["running"] > resumed):
            continue
        slot = db.work.slots.get(row["id"])
        latest = tx.sees(slot)
        if slot is None or latest is None or not tx.is_free(slot):
            continue  # gone, or SKIP LOCKED
        if latest["state"] in {"ready", "running"} and _due_at(latest) <= now:
            changed = {
                **latest, "state": "running", "attempts": latest["attempts"] + 1, "lease_until": now + lease,
                "run_at": now + lease, "lost_claims": latest["lost_claims"] + (latest["state"] == "running"),
            }  # fmt: skip
            yield from tx.write(db.work, row["id"], changed)
            claimed.append(changed)
    blocked = sum(older is not None for _, older in seen)
    claimed.sort(key=lambda row: row["id"])
    shown = [{"blocked": blocked, **{name: row[name] for name in _SHOWN}} for row in claimed]
    return Answer.of(shown or [{"blocked": blocked, **dict.fromkeys(_SHOWN)}])


def demote(db: Tables, tx: Transaction, kind: str, *sides: Any) -> Steps:
    rows = tx.snapshot(db.work)
    seen = _seen(rows, tx.now, kind, *sides)
    yield None
    done = 0
    for row, older in seen:
        if older is None:
            continue
        slot, before = db.work.slots.get(row["id"]), db.work.slots.get(older)
        if slot is None or before is None or not tx.is_free(slot) or not tx.is_free(before):
            continue
        if (tx.sees(slot) or row)["state"] == "ready" and (tx.sees(before) or {"state": "dead"})["state"] != "dead":
            yield from tx.lock(db.work, older)
            yield from tx.write(db.work, row["id"], {**tx.sees(slot), "state": "waiting"})
            done += 1
    return Answer.of([{"count": done}])


def promote(db: Tables, tx: Transaction, keys: Sequence[str]) -> Steps:
    rows = tx.snapshot(db.work)
    for key in dict.fromkeys(keys):
        live = [row for row in rows.values() if row["key"] == key and row["state"] != "dead"]
        oldest = min(live, key=lambda row: row["id"], default=None)
        if oldest is not None and oldest["state"] == "waiting":
            latest = yield from tx.lock(db.work, oldest["id"])
            if latest is not None and latest["state"] == "waiting":
                yield from tx.write(db.work, oldest["id"], {**latest, "state": "ready", "run_at": db.clock()})
    return Answer("UPDATE 1")


def _write_all(db: Tables, tx: Transaction, jobs: Any, change: Callable[..., Any], *, strictly: bool = True) -> Steps:
    done: list[Any] = []
    for identity, attempts, *more in jobs:
        if tx.sees(db.work.slots.get(identity)) is None:
            continue
        row = yield from tx.lock(db.work, identity)
        if row and row["state"] == "running" and (row["attempts"] == attempts or not strictly):
            yield from tx.write(db.work, identity, change(row, *more))
            done.append({"id": identity})
    return Answer.of(done)


def _gone(_: Any) -> None:
    """A row that is deleted."""


def settle(db: Tables, tx: Transaction, ids: Sequence[int], attempts: Sequence[int]) -> Steps:
    return (yield from _write_all(db, tx, zip(ids, attempts, strict=True), _gone))


def settle_whosever_claim(db: Tables, tx: Transaction, ids: Sequence[int], attempts: Sequence[int]) -> Steps:
    """Without the look at the attempts: a guard that is switched off."""
    return (yield from _write_all(db, tx, zip(ids, attempts, strict=True), _gone, strictly=False))


def bury(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    def dead(row: Any, error: str) -> Any:
        return {**row, "state": "dead", "lease_until": None, "last_error": error}

    return (yield from _write_all(db, tx, zip(*columns, strict=True), dead))


def retry(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    def again(row: Any, delay: timedelta, error: str, lapsed: Any) -> Any:
        due = db.clock() + delay
        lost = row["lost_claims"] if lapsed else 0
        return {**row, "state": "ready", "lease_until": None, "run_at": due, "last_error": error, "lost_claims": lost}

    done = yield from _write_all(db, tx, zip(*columns, strict=True), again)
    return Answer(f"UPDATE {len(done.rows)}")


def look_for_floor(db: Tables, tx: Transaction, kind: str, *sides: Any) -> Steps:
    priorities, floors_, leases, side = sides
    ended, fence = tx.numbers.oldest_open(), tx.numbered()
    rows = tx.snapshot(db.work)
    first = {
        priority: _first(rows, tx.now, floor, 1, kind=kind, priority=priority, state="ready")
        for priority, floor in zip(priorities, floors_, strict=True)
    }
    first[side] = _first(rows, tx.now, leases, 1, kind=kind, state="running")
    common = {"at": tx.now, "fence": fence, "ended": ended}
    return Answer.of({"side": at, "due_at": _due_at(due[0]) if due else None, **common} for at, due in first.items())
    yield


def load_floors(db: Tables, tx: Transaction, kind: str) -> Steps:
    stored = tx.snapshot(db.floors).items()
    return Answer.of({"side": key[1], "due_at": at} for key, at in stored if key[0] == kind and at <= tx.now)
    yield


def store_floors(db: Tables, tx: Transaction, kind: str, *columns: Any) -> Steps:
    known, floors_, step = columns
    for side, floor in zip(known, floors_, strict=True):
        before = yield from tx.lock(db.floors, (kind, side))
        if before is None or floor > before + step:
            yield from tx.write(db.floors, (kind, side), floor)
    return Answer("INSERT 0 1")


STATEMENTS: Final[dict[str, Callable[..., Steps]]] = {
    work._INSERT: insert_work,
    work._REVIVE: revive_work,
    claims._CLAIM: claim,
    claims._DEMOTE: demote,
    claims._PROMOTE: promote,
    claims._SETTLE: settle,
    claims._BURY: bury,
    claims._RETRY: retry,
    work_floors._LOOK: look_for_floor,
    work_floors._STORED: load_floors,
    work_floors._STORE: store_floors,
}
