"""What a decision leads to: facts to announce and work to do; plain values, no I/O."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from pydantic import BaseModel

from hoso_contracts.event import Event


class Priority(IntEnum):
    """Which work is begun first: strictly by priority, but one claim in eight takes what has waited longest.

    Never against the order within a key: urgent work behind other work of its key waits for it.
    """

    URGENT = 0
    NORMAL = 1
    LATE = 2


@dataclass(frozen=True, slots=True)
class Work:
    """A call to the outside that must happen after the commit.

    Attributes:
        kind: name of the registered kind of work that performs it.
        key: work of one key, whatever its kind, runs one after the other, in the order it was enqueued.
        subject: id of the aggregate that the result is recorded on.
        payload: what the call needs; kept until it is settled, then deleted.
        priority: which of the heads of all keys is begun first.
    """

    kind: str
    key: str
    subject: UUID
    payload: BaseModel
    priority: Priority = Priority.NORMAL


Consequence = Event | Work


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a transaction comes from; travels with everything that follows from it.

    Attributes:
        correlation_id: id of the event that began the story; None: the first event announced begins one.
        causation_id: id of the event that led here; None for what a person did.
        traceparent: W3C trace context to continue.
        replay_id: set only on replays, passed on through every hop.
    """

    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    traceparent: str | None = None
    replay_id: str | None = None


NO_CAUSE = Cause()
