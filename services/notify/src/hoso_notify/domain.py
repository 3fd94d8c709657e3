"""A notification, from the request to its outcome; it never holds a recipient and knows neither broker nor provider."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal
from uuid import UUID

State = Literal["new", "asked", "sent", "failed", "unknown"]
Reason = Literal["rejected", "expired"]


class AnotherDossier(Exception):
    """The notification was asked for another dossier: an id is one message about one dossier, for ever."""


class Step(Enum):
    """What a request leads to."""

    SEND = "send"
    WAIT = "wait"  # it is being sent
    REPEAT = "repeat"  # it is settled, and its outcome is told again


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, without the one it is for."""

    dossier_id: UUID
    channel: str
    template: str
    occasion: str


@dataclass(slots=True)
class Notification:
    """One message to one citizen by one channel about one occasion.

    Attributes:
        wanted: None only in state "new", which was never stored.
        state: "sent": the next system took it over; "failed": it was not sent and will not be; "unknown": it may have
            arrived, and is never sent again.
        reason: why it failed.
        segments, encoding: of an SMS that was sent.
        later_asked_at: when a later message about the dossier by its channel was asked for; known at a redrive only.
    """

    notification_id: UUID
    wanted: Wanted | None = None
    state: State = "new"
    reason: Reason | None = None
    segments: int | None = None
    encoding: str | None = None
    asked_at: datetime | None = None
    settled_at: datetime | None = None
    later_asked_at: datetime | None = None

    @property
    def is_superseded(self) -> bool:
        """Whether a request that comes late must not be carried out: it was, or a later message has been asked for."""
        return self.state != "new" or self.later_asked_at is not None

    def ask(self, wanted: Wanted, at: datetime) -> Step:
        """Take the request. Only the first one sends; a later one of the same id changes nothing.

        Raises:
            AnotherDossier: the id stands for a message about another dossier.
        """
        if self.wanted is None:
            self.wanted, self.state, self.asked_at = wanted, "asked", at
            return Step.SEND
        if self.wanted.dossier_id != wanted.dossier_id:
            raise AnotherDossier
        return Step.WAIT if self.state == "asked" else Step.REPEAT

    def sent(self, at: datetime, segments: int | None = None, encoding: str | None = None) -> bool:
        """It was taken over; whether that is news."""
        if not self._settle("sent", at):
            return False
        self.segments, self.encoding = segments, encoding
        return True

    def fail(self, reason: Reason, at: datetime) -> bool:
        """It will not be sent; whether that is news."""
        if not self._settle("failed", at):
            return False
        self.reason = reason
        return True

    def lose(self, at: datetime) -> bool:
        """Nobody knows whether it was taken over; whether that is news."""
        return self._settle("unknown", at)

    def _settle(self, state: State, at: datetime) -> bool:
        """The first outcome stays."""
        if self.state != "asked":
            return False
        self.state, self.settled_at = state, at
        return True
