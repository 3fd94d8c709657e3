"""Who did what to what had failed: one row an act, in the transaction of its effect; it holds ids and reasons only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hoso_chassis.postgres import Connection

KEPT: Final = timedelta(days=400)  # letters and dead work are kept 14 days: who asks "who did that?" asks later

_NOTE = """
INSERT INTO operator_actions (operator, command, item, type, reason, origin, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_OF_ITEM = "SELECT at, operator, command, reason, outcome FROM operator_actions WHERE item = $1 ORDER BY id"
_FORGET = "DELETE FROM operator_actions WHERE at < now() - $1::interval"


@dataclass(frozen=True, slots=True)
class Act:
    """One act on one item.

    Attributes:
        operator: who, as `--by` says.
        command: such as "dead-letters redrive".
        item: id of the letter, or of the work row.
        type: the letter's event type, or the kind of the work.
        reason: why it had died, before the act.
        origin: where it came from: "topic/partition@offset", or the work's subject.
        outcome: what became of it.
    """

    operator: str
    command: str
    item: str
    type: str | None
    reason: str | None
    origin: str
    outcome: str


@dataclass(frozen=True, slots=True)
class PastAct:
    """An act that was noted."""

    at: datetime
    operator: str
    command: str
    reason: str | None
    outcome: str


async def note(connection: Connection, act: Act) -> None:
    """Write the act into the transaction at hand."""
    told = (act.operator, act.command, act.item, act.type, act.reason, act.origin, act.outcome)
    await connection.execute(_NOTE, *told)


async def of_item(connection: Connection, item: str) -> Sequence[PastAct]:
    """What was done to an item before, oldest first."""
    return [PastAct(*row) for row in await connection.fetch(_OF_ITEM, item)]


async def forget_old(connection: Connection) -> None:
    """Delete what has been kept long enough."""
    await connection.execute(_FORGET, KEPT)
