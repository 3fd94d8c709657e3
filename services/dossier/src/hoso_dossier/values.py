"""The values a dossier is made of; none of them changes, none knows where it is kept or sent."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final, Literal
from uuid import UUID


class Status(IntEnum):
    """Where a dossier stands, as the national portal numbers it; the other six come with later releases."""

    REGISTERED = 1
    ACCEPTED = 2
    REFUSED = 3
    SUPPLEMENT_REQUESTED = 5


STATUS_TITLES: Final = {
    Status.REGISTERED: ("Mới đăng ký", "Registered"),
    Status.ACCEPTED: ("Được tiếp nhận", "Accepted"),
    Status.REFUSED: ("Không được tiếp nhận", "Refused"),
    Status.SUPPLEMENT_REQUESTED: ("Yêu cầu bổ sung giấy tờ", "More papers are asked for"),
}


class Answer(StrEnum):
    """What is known about the question whether the declared identity is a person of the population register."""

    AWAITED = "awaited"
    VERIFIED = "verified"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Identity:
    """The three values that are compared with the population register."""

    identity_number: str = field(repr=False)
    full_name: str = field(repr=False)
    date_of_birth: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class Verification:
    """The question last asked about the identity; an answer to any other question is stale."""

    id: UUID
    answer: Answer = Answer.AWAITED
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A paper of the dossier, as its receipt vouches for it, and what was heard of it since.

    Attributes:
        verdict: "clean", "infected", "not-scanned" or whatever a scanner may say; None: not heard yet.
    """

    id: UUID
    component: str
    sha256: str
    size: int
    media_type: str
    stored_at: datetime | None = None
    verdict: str | None = None
    verdict_at: datetime | None = None
    expired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the citizen wants to be told: an e-mail address, or a mobile number in E.164."""

    channel: Literal["email", "sms"]
    recipient: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """One telling of one occasion by one channel.

    Attributes:
        state: "requested", "delivered" or "failed".
        reason: why it failed: "rejected", "expired", "unknown".
    """

    id: UUID
    channel: str
    occasion: str
    template: str
    requested_at: datetime
    state: Literal["requested", "delivered", "failed"] = "requested"
    reason: str | None = None
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who moved a dossier: `id` is the opaque subject of a token; `unit` is an officer's."""

    kind: Literal["citizen", "officer", "system"]
    id: str | None = None
    unit: str | None = None


SYSTEM: Final = Actor("system")


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt form of the residence authority: CT04, CT05 or CT06."""

    form: str
    number: str
    issued_at: datetime
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One move of a dossier.

    Attributes:
        previous: None: it was submitted.
        version: the dossier's version after the move.
        reason: coarse and public: "not-eligible", "attachment-unusable".
        detail: an officer's words to the citizen.
    """

    dossier_id: UUID
    version: int
    previous: Status | None
    status: Status
    at: datetime
    actor: Actor
    reason: str | None = None
    detail: str | None = field(default=None, repr=False)
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class VerificationAsked:
    """The population register is to be asked, again with the same id when its answer is overdue."""

    dossier_id: UUID
    verification_id: UUID
    identity: Identity
    first_asked_at: datetime


@dataclass(frozen=True, slots=True)
class NotificationAsked:
    """The citizen is to be told."""

    notification: Notification
    recipient: str = field(repr=False)
    due_at: datetime | None = None
    reason: str | None = field(default=None, repr=False)


Fact = StatusChange | VerificationAsked | NotificationAsked


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline: what happened, to what, and what may be told about it (no personal data)."""

    kind: str
    at: datetime
    about: UUID
    told: tuple[tuple[str, str | int], ...] = ()
