"""The chassis' statements for what comes in and goes out, as the simulated PostgreSQL does them, by their text."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from hoso_chassis import dead_letters, faults, inbox, outbox, positions
from simulation import relay_statements, work_statements
from simulation.answers import Answer, Steps
from simulation.rows import Transaction
from simulation.tables import Tables

LOAD_TALLIES: Final = "SELECT tallies FOR UPDATE"
SAVE_TALLIES: Final = "UPSERT tallies"


def load_positions(db: Tables, tx: Transaction, group: str, topics: Sequence[str], numbers: Sequence[int]) -> Steps:
    return Answer.of(
        {"topic": topic, "partition": number, "next_offset": row}
        for topic, number in zip(topics, numbers, strict=True)
        if (row := tx.sees(db.positions.slots.get((group, topic, number)))) is not None
    )
    yield


def begin_positions(db: Tables, tx: Transaction, group: str, *columns: Any) -> Steps:
    done = 0
    for topic, number, offset in zip(*columns, strict=True):
        done += yield from tx.insert_or_skip(db.positions, (group, topic, number), offset)
    return Answer(f"INSERT 0 {done}")


def advance_positions(db: Tables, tx: Transaction, group: str, *columns: Any) -> Steps:
    done = 0
    for topic, number, expected, following in zip(*columns, strict=True):
        key = (group, topic, number)
        if tx.sees(db.positions.slots.get(key)) == expected and (yield from tx.lock(db.positions, key)) == expected:
            yield from tx.write(db.positions, key, following)
            done += 1
    return Answer(f"UPDATE {done}")


def add_to_inbox(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    rows: list[Any] = []
    for key in zip(*columns, strict=True):
        if (yield from tx.insert_or_skip(db.inbox, key, True)):
            rows += [dict(zip(("source", "id", "time"), key, strict=True))]
    return Answer.of(rows)


def load_faults(db: Tables, tx: Transaction, group: str) -> Steps:
    return Answer.of(
        {"topic": key[1], "partition": key[2], "in_a_row": row}
        for key, row in tx.snapshot(db.faults).items()
        if key[0] == group and row > 0
    )
    yield


def save_faults(db: Tables, tx: Transaction, group: str, *columns: Any) -> Steps:
    for topic, number, count in zip(*columns, strict=True):
        yield from tx.write(db.faults, (group, topic, number), count)
    return Answer("INSERT 0 1")


def bury_letter(db: Tables, tx: Transaction, *row: Any) -> Steps:
    names = ("id", "group", "topic", "partition", "offset", "time", "key", "value", "names", "values", "type", "reason")
    yield from tx.write(db.dead_letters, row[0], dict(zip(names, row, strict=False)))
    return Answer("INSERT 0 1")


def take_sequences(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    rows: list[dict[str, Any]] = []
    for topic, subject, count in zip(*columns, strict=True):
        key = (topic, UUID(str(subject)))
        last = ((yield from tx.lock(db.streams, key)) or 0) + count
        yield from tx.write(db.streams, key, last)
        rows.append({"topic": topic, "subject": key[1], "sequence": last})
    return Answer.of(rows)


def fill_outbox(db: Tables, tx: Transaction, *columns: Any) -> Steps:
    for topic, kind, key, value, headers in zip(*columns, strict=True):
        position = db.outbox.next_identity()
        row = {"position": position, "topic": topic, "type": kind, "key": key, "value": value, "headers": headers}
        yield from tx.write(db.outbox, position, row)
    return Answer("INSERT 0 1")


def load_tallies(db: Tables, tx: Transaction, ids: Sequence[UUID]) -> Steps:
    rows: list[Any] = []
    for key in [key for key in sorted(ids) if tx.sees(db.tallies.slots.get(key)) is not None]:
        if (row := (yield from tx.lock(db.tallies, key))) is not None:
            rows += [{"id": key, "tally": row}]
    return Answer.of(rows)


def save_tallies(db: Tables, tx: Transaction, rows: Sequence[tuple[UUID, Any]]) -> Steps:
    for key, row in rows:
        if row.is_too_much:
            raise asyncpg.CheckViolationError("new row violates check constraint")
        yield from tx.write(db.tallies, key, row)
    return Answer("INSERT 0 1")


STATEMENTS: Final[dict[str, Callable[..., Steps]]] = {
    positions._LOAD: load_positions,
    positions._BEGIN: begin_positions,
    positions._ADVANCE: advance_positions,
    inbox._ADD: add_to_inbox,
    faults._LOAD: load_faults,
    faults._SAVE: save_faults,
    dead_letters._INSERT: bury_letter,
    outbox._NEXT_SEQUENCES: take_sequences,
    outbox._INSERT: fill_outbox,
    LOAD_TALLIES: load_tallies,
    SAVE_TALLIES: save_tallies,
    **relay_statements.STATEMENTS,
    **work_statements.STATEMENTS,
}
