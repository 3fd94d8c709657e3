"""The service of the simulation: a tally of each dossier, facts and calls as the plan has them; no I/O of its own."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.inbound import Inbound
from hoso_chassis.work import GivenUp, Kind
from hoso_contracts.dossier import DossierRefused
from hoso_contracts.identity import IdentityVerified
from simulation.chance import EPOCH
from simulation.outside import Outside
from simulation.plan import Plan
from simulation.statements import LOAD_TALLIES, SAVE_TALLIES

SOURCE: Final = "/hoso/dossier"
CALL_SECONDS: Final = 4.0


class Task(BaseModel):
    """What a call needs."""

    number: int
    call: str


@dataclass(slots=True)
class Tally:
    """What was done for one dossier: numbers taken in, and how its calls ended, both in order."""

    dossier: UUID
    applied: tuple[int, ...] = ()
    ended: tuple[tuple[int, str, str], ...] = ()
    is_too_much: bool = False


class Tallies:
    """The store; dossiers from 99 on are nobody's."""

    async def load(self, connection: Any, ids: Sequence[UUID]) -> dict[UUID, Tally]:
        found = {row["id"]: copy.copy(row["tally"]) for row in await connection.fetch(LOAD_TALLIES, list(ids))}
        return {key: found.get(key) or Tally(key) for key in ids if key.int < 99}

    async def save(self, connection: Any, aggregates: Sequence[Tally]) -> None:
        await connection.execute(SAVE_TALLIES, [(one.dossier, copy.copy(one)) for one in aggregates])


def fact(dossier: UUID, reason: str) -> DossierRefused:
    """A sequenced fact that its reason names."""
    return DossierRefused(
        dossier_id=dossier,
        code="G01.999.000.000-261124-0001",
        procedure="1.004194",
        case="individual",
        agency="G01.999.901",
        previous_status=1,
        refused_at=EPOCH,
        reason=reason,
        receipt="CT06",
    )


def inbound(plan: Plan) -> Inbound[Tally]:
    """The handlers."""
    routes = Inbound[Tally]()

    @routes.on(IdentityVerified, of=lambda event: event.dossier_id)
    def count(event: IdentityVerified, tally: Tally) -> Iterable[Consequence]:
        one = plan.by_number[event.verification_id.int]
        tally.applied += (one.number,)
        for reason in plan.facts(one.number):
            yield fact(one.dossier, reason)
        if one.kind == "bug":
            raise ZeroDivisionError
        tally.is_too_much = tally.is_too_much or one.kind == "unwritable"
        for call in one.calls:
            yield Work(call, str(one.dossier), one.dossier, Task(number=one.number, call=call))

    return routes


def kinds(outside: Outside) -> list[Kind[Task, None, Tally]]:
    """Calls of two kinds: mail is made at least once, SMS at most once."""

    def end(task: Task, tally: Tally, how: str) -> Iterable[Consequence]:
        tally.ended += ((task.number, task.call, how),)
        yield fact(tally.dossier, f"n{task.number}-{task.call}-{how}")

    def record(task: Task, _result: None, tally: Tally) -> Iterable[Consequence]:
        return end(task, tally, "done")

    def give_up(task: Task, why: GivenUp, tally: Tally) -> Iterable[Consequence]:
        return end(task, tally, why)

    return [
        Kind(
            name,
            name,
            Task,
            outside.perform,
            record,
            give_up,
            timeout=CALL_SECONDS,
            at_most_once=name == "sms",
            concurrency=3,
            first_delay=0.2,
            longest_delay=3.0,
        )
        for name in ("mail", "sms")
    ]
