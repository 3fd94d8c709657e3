"""The model: what goes in, and what must have come of it in the end, whatever happens meanwhile; plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from hoso_contracts.envelope import CloudEvent, data_bytes, encode
from hoso_contracts.identity import IdentityVerified
from simulation.chance import EPOCH, Chance

TOPIC: Final = IdentityVerified.topic
GROUP: Final = "hoso.dossier"
PARTITIONS: Final = 2
_KINDS: Final = ("good", "again", "no event", "wrong shape", "unknown", "unknown major", "bug", "nobody", "unwritable")
_WEIGHTS: Final = (30, 5, 1, 1, 1, 1, 1, 1, 1)
_REASONS: Final = {
    "no event": "not-a-cloudevent",
    "wrong shape": "wrong-shape",
    "unknown major": "unknown-major",
    "bug": "handler-failed",
    "nobody": "no-such-aggregate",
    "unwritable": "not-writable",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One record that goes in.

    Attributes:
        number: names its event, and what follows from it.
        kind: what is the matter with it.
        facts: how many facts the handler announces.
        calls: kinds of the calls that follow, in their order.
        refused: kinds of those that the outside will never do.
    """

    number: int
    dossier: UUID
    kind: str
    facts: int
    calls: tuple[str, ...]
    refused: frozenset[str]

    @property
    def partition(self) -> int:
        """Where it lies: one dossier, one partition."""
        return self.dossier.int % PARTITIONS

    @property
    def event_id(self) -> UUID:
        """The id of its event."""
        return UUID(int=(1 << 100) + self.number)


@dataclass(slots=True)
class Plan:
    """All inputs of one schedule, in the order in which they are sent."""

    inputs: list[Input] = field(default_factory=list[Input])
    by_number: dict[int, Input] = field(default_factory=dict[int, Input])

    @staticmethod
    def draw(chance: Chance) -> "Plan":
        """Draw some dossiers and what happens to them."""
        random, plan = chance.random, Plan()
        dossiers = [UUID(int=number + 1) for number in range(random.randint(1, 4))]
        for number in range(random.randint(4, 12)):
            kind = random.choices(_KINDS, _WEIGHTS)[0]
            dossier = UUID(int=99 + random.randrange(2)) if kind == "nobody" else random.choice(dossiers)
            calls = tuple(random.choice(("mail", "sms")) for _ in range(random.choice((0, 0, 1, 1, 2))))
            refused = frozenset(call for call in calls if random.random() < 0.1)
            given = [one for one in plan.inputs if one.kind == "good"]
            if kind == "again" and given:
                plan.inputs.append(random.choice(given))
                continue
            kind = "good" if kind == "again" else kind
            one = Input(number, dossier, kind, random.randrange(3), tuple(dict.fromkeys(calls)), refused)
            plan.inputs.append(one)
            plan.by_number[number] = one
        return plan

    def applied(self, dossier: UUID) -> list[int]:
        """The numbers that the dossier's aggregate has taken in, in the end."""
        numbers = [one.number for one in self.inputs if one.kind == "good" and one.dossier == dossier]
        return list(dict.fromkeys(numbers))

    def facts(self, number: int) -> list[str]:
        """What the handler announces, in its order."""
        return [f"n{number}-f{fact}" for fact in range(self.by_number[number].facts)]

    def calls(self) -> list[tuple[int, str]]:
        """All calls that must be ended."""
        return [(one.number, call) for one in self.by_number.values() if one.kind == "good" for call in one.calls]


def reason(one: Input) -> str | None:
    """Why its record is a dead letter, or None when it is none."""
    return _REASONS.get(one.kind)


def written(one: Input, at: datetime = EPOCH) -> tuple[bytes | None, bytes | None, Any]:
    """The record: key, value, headers."""
    event = IdentityVerified(dossier_id=one.dossier, verification_id=UUID(int=one.number), verified_at=at)
    kind = {"unknown": "hoso.identity.pondered.v1", "unknown major": "hoso.identity.verified.v9"}.get(
        one.kind, event.type
    )
    envelope = CloudEvent(
        id=one.event_id,
        source="/hoso/identity",
        type=kind,
        subject=str(event.subject),
        time=at,
        partitionkey=str(one.dossier),
        data=b"{}" if one.kind == "wrong shape" else data_bytes(event),
    )
    record = encode(envelope)
    return record.key, record.value, () if one.kind == "no event" else tuple(record.headers)
