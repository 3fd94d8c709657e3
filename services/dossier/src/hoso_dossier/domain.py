"""A dossier and what may happen to it: the status machine of this release; it does no I/O and knows no wire type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from hoso_dossier.values import (
    SYSTEM,
    Actor,
    Answer,
    Attachment,
    Contact,
    Entry,
    Fact,
    Identity,
    Notification,
    NotificationAsked,
    Receipt,
    Status,
    StatusChange,
    Verification,
    VerificationAsked,
)

# From where to where. No way leads out of 3; the other moves come with later releases.
MOVES: Final[Mapping[Status, frozenset[Status]]] = {
    Status.REGISTERED: frozenset({Status.ACCEPTED, Status.REFUSED, Status.SUPPLEMENT_REQUESTED}),
    Status.ACCEPTED: frozenset({Status.SUPPLEMENT_REQUESTED}),
    Status.REFUSED: frozenset(),
    Status.SUPPLEMENT_REQUESTED: frozenset(),
}
FORMS: Final = {Status.ACCEPTED: "CT04", Status.REFUSED: "CT06", Status.SUPPLEMENT_REQUESTED: "CT05"}
OCCASIONS: Final = {
    Status.REGISTERED: "submitted",
    Status.ACCEPTED: "accepted",
    Status.REFUSED: "refused",
    Status.SUPPLEMENT_REQUESTED: "supplement-requested",
}
CLEAN, INFECTED, NOT_SCANNED = "clean", "infected", "not-scanned"
# What the citizen is told; which of the values differs is known to nobody here.
NOT_MATCHING = "Thông tin nhân thân không khớp với Cơ sở dữ liệu quốc gia về dân cư"
UNUSABLE_PAPER = "Có giấy tờ đính kèm không sử dụng được, cần nộp lại"


class WrongStatus(Exception):
    """The status machine has no such way from where the dossier stands."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"not from status {status}")
        self.status = status


class NotReady(Exception):
    """The dossier cannot be accepted yet; `missing` names the facts."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(", ".join(missing))
        self.missing = missing


class UnknownAttachment(Exception):
    """The dossier has no such attachment."""


class UnknownNotification(Exception):
    """No such notification was asked for."""


class ContentDiffers(Exception):
    """What storage kept is not what its receipt vouched for."""


@dataclass(slots=True)
class Dossier:
    """A submitted dossier. Its fields hold immutable values only.

    Attributes:
        version: moved by every change of status and by nothing else.
        moved_at: when its status last changed; a move that is heard of late does not come before an earlier one.
        correlation_id: id of the event that told of the submission; whatever follows from it carries it.
        changes, entries, touched: what happened since it was loaded: moves, lines of the timeline, and the ids of
            attachments and notifications that are not as they were.
    """

    id: UUID
    code: str
    procedure: str
    procedure_version: int
    procedure_name: str
    case: str
    agency: str
    owner: str
    channel: str
    submitted_at: datetime
    verification: Verification
    attachments: tuple[Attachment, ...]
    contacts: tuple[Contact, ...]
    notifications: tuple[Notification, ...] = ()
    status: Status = Status.REGISTERED
    version: int = 0
    moved_at: datetime | None = None
    due_at: datetime | None = None
    correlation_id: UUID | None = None
    changes: tuple[StatusChange, ...] = ()
    entries: tuple[Entry, ...] = ()
    touched: frozenset[UUID] = frozenset()

    def submit(self, identity: Identity) -> Iterator[Fact]:
        """Begin its life in status 1: tell everybody, ask about the identity, tell the citizen."""
        yield self._record_move(None, Status.REGISTERED, self.submitted_at, Actor("citizen", self.owner))
        yield VerificationAsked(self.id, self.verification.id, identity, self.submitted_at)
        yield from self._notify(self.submitted_at)

    def confirm_identity(self, verification_id: UUID, at: datetime) -> None:
        """Note that the declared identity is a person of the register; the status stays."""
        self._take_answer(verification_id, Answer.VERIFIED, at)

    def reject_identity(self, verification_id: UUID, at: datetime) -> Iterator[Fact]:
        """Refuse the dossier if the answer is to the question last asked and nobody has decided yet."""
        if self._take_answer(verification_id, Answer.REJECTED, at) and self.status is Status.REGISTERED:
            yield from self._move(Status.REFUSED, at, SYSTEM, "not-eligible", NOT_MATCHING)

    def keep_attachment(self, attachment_id: UUID, sha256: str, at: datetime) -> None:
        """Note that storage keeps the attachment for good.

        Raises:
            UnknownAttachment: it is none of this dossier's.
            ContentDiffers: it is not what the receipt vouched for.
        """
        attachment = self._attachment(attachment_id)
        if attachment.sha256 != sha256:
            raise ContentDiffers
        if attachment.stored_at is None:
            self._put_attachment(replace(attachment, stored_at=at))
            self._tell("attachment-stored", at, attachment_id, component=attachment.component)

    def record_verdict(self, attachment_id: UUID, verdict: str, at: datetime) -> Iterator[Fact]:
        """Note what the scanner says; an infected paper must be sent again. The latest verdict counts.

        Raises:
            UnknownAttachment: it is none of this dossier's.
        """
        attachment = self._attachment(attachment_id)
        if attachment.verdict_at is not None and at <= attachment.verdict_at:
            return
        self._put_attachment(replace(attachment, verdict=verdict, verdict_at=at))
        self._tell("attachment-scanned", at, attachment_id, component=attachment.component, verdict=verdict)
        if verdict == INFECTED:
            yield from self._ask_for_supplement(at)

    def expire_attachment(self, attachment_id: UUID, at: datetime) -> Iterator[Fact]:
        """Note that the content is gone: the paper must be sent again.

        Raises:
            UnknownAttachment: it is none of this dossier's.
        """
        attachment = self._attachment(attachment_id)
        if attachment.expired_at is not None:
            return
        self._put_attachment(replace(attachment, expired_at=at))
        self._tell("attachment-expired", at, attachment_id, component=attachment.component)
        yield from self._ask_for_supplement(at)

    def settle_notification(
        self, notification_id: UUID, reason: str | None, at: datetime, segments: int | None = None
    ) -> None:
        """Note that a notification was delivered (no reason) or given up; once delivered it stays delivered.

        Raises:
            UnknownNotification: it was never asked for.
        """
        found = self._notification(notification_id)
        state = "delivered" if reason is None else "failed"
        if found.state in {"delivered", state}:
            return
        settled = replace(found, state=state, reason=reason, settled_at=at)
        self.notifications = tuple(settled if one is found else one for one in self.notifications)
        self.touched |= {notification_id}
        told: dict[str, str | int] = {"channel": found.channel, "occasion": found.occasion}
        told |= {"reason": reason} if reason else {}
        told |= {"segments": segments} if segments else {}
        self._tell(f"notification-{state}", at, notification_id, **told)

    def tell_again(self, notification_id: UUID, at: datetime, detail: str | None) -> Iterator[Fact]:
        """Ask once more for a notification of which no end was heard; it is the same one, and is sent once.

        Raises:
            UnknownNotification: it was never asked for.
        """
        found = self._notification(notification_id)
        for contact in self.contacts:
            if contact.channel == found.channel:
                self._tell("notification-asked-again", at, found.id, channel=found.channel, occasion=found.occasion)
                yield NotificationAsked(found, contact.recipient, self._due_at(found.occasion), detail)

    def accept(self, officer: Actor, at: datetime, due_at: datetime, *, take_not_scanned: bool) -> Iterator[Fact]:
        """Accept it for handling: status 2 with the receipt CT04.

        Raises:
            WrongStatus: it is not in status 1.
            NotReady: the identity or an attachment is not confirmed.
        """
        self._require_move(Status.ACCEPTED)
        missing = self.missing(take_not_scanned=take_not_scanned)
        if missing:
            raise NotReady(missing)
        self.due_at = due_at
        yield from self._move(Status.ACCEPTED, at, officer)

    def refuse(self, officer: Actor, at: datetime, detail: str) -> Iterator[Fact]:
        """Refuse it: status 3 with the receipt CT06; the officer's words go to the citizen only.

        Raises:
            WrongStatus: it is not in status 1.
        """
        self._require_move(Status.REFUSED)
        yield from self._move(Status.REFUSED, at, officer, "not-eligible", detail)

    def missing(self, *, take_not_scanned: bool) -> tuple[str, ...]:
        """Return what stands between the dossier and its acceptance."""
        missing: list[str] = []
        if self.verification.answer is not Answer.VERIFIED:
            missing.append("identity-rejected" if self.verification.answer is Answer.REJECTED else "identity-awaited")
        if any(one.expired_at or (one.verdict and one.verdict not in {CLEAN, NOT_SCANNED}) for one in self.attachments):
            missing.append("attachment-unusable")
        if not take_not_scanned and any(one.verdict == NOT_SCANNED for one in self.attachments):
            missing.append("attachment-not-scanned")
        if any(one.verdict is None and not one.expired_at for one in self.attachments):
            missing.append("attachment-awaited")
        return tuple(missing)

    def _take_answer(self, verification_id: UUID, answer: Answer, at: datetime) -> bool:
        """Take the first answer to the question last asked; tell of any other without believing it."""
        if verification_id == self.verification.id and self.verification.answer is Answer.AWAITED:
            self.verification = replace(self.verification, answer=answer, answered_at=at)
            self._tell(f"identity-{answer}", at, verification_id)
            return True
        if verification_id != self.verification.id or self.verification.answer is not answer:
            self._tell("identity-answer-unused", at, verification_id)
        return False

    def _ask_for_supplement(self, at: datetime) -> Iterator[Fact]:
        if Status.SUPPLEMENT_REQUESTED in MOVES[self.status]:
            yield from self._move(Status.SUPPLEMENT_REQUESTED, at, SYSTEM, "attachment-unusable", UNUSABLE_PAPER)

    def _require_move(self, status: Status) -> None:
        if status not in MOVES[self.status]:
            raise WrongStatus(self.status)

    def _move(
        self, status: Status, at: datetime, actor: Actor, reason: str | None = None, detail: str | None = None
    ) -> Iterator[Fact]:
        self._require_move(status)
        at = max(at, self.moved_at or at)
        yield self._record_move(self.status, status, at, actor, reason, detail)
        yield from self._notify(at, detail)

    def _record_move(  # noqa: PLR0913, PLR0917  # who, when, from where to where and why: that is a move
        self,
        previous: Status | None,
        status: Status,
        at: datetime,
        actor: Actor,
        reason: str | None = None,
        detail: str | None = None,
    ) -> StatusChange:
        self.version += 1
        self.status, self.moved_at = status, at
        receipt = self._issue(at) if previous else None
        change = StatusChange(self.id, self.version, previous, status, at, actor, reason, detail, receipt)
        self.changes += (change,)
        told: dict[str, str | int] = {"status": int(status)}
        told |= {"previous_status": int(previous)} if previous else {}
        told |= {"receipt": receipt.number} if receipt else {}
        told |= {"reason": reason} if reason else {}
        self._tell("status-changed" if previous else "submitted", at, self.id, **told)
        return change

    def _issue(self, at: datetime) -> Receipt:
        """Make the receipt of the move at hand; its number says the dossier, which of its receipts, and the form."""
        form = FORMS[self.status]
        due_at = self.due_at if self.status is Status.ACCEPTED else None
        return Receipt(form, f"{self.code}/{self.version - 1:02}-{form}", at, due_at)

    def _notify(self, at: datetime, detail: str | None = None) -> Iterator[Fact]:
        """Ask for one notification per channel; never a second time for the same occasion."""
        occasion = OCCASIONS[self.status]
        template = f"dossier-{occasion}"
        known = {one.id for one in self.notifications}
        for contact in self.contacts:
            key = uuid5(self.id, f"{template}/{occasion}/{contact.channel}")
            if key not in known:
                notification = Notification(key, contact.channel, occasion, template, at)
                self.notifications += (notification,)
                self.touched |= {key}
                yield NotificationAsked(notification, contact.recipient, self._due_at(occasion), detail)

    def _due_at(self, occasion: str) -> datetime | None:
        """When the result is due: told with the acceptance only."""
        return self.due_at if occasion == OCCASIONS[Status.ACCEPTED] else None

    def _notification(self, notification_id: UUID) -> Notification:
        for notification in self.notifications:
            if notification.id == notification_id:
                return notification
        raise UnknownNotification

    def _attachment(self, attachment_id: UUID) -> Attachment:
        for attachment in self.attachments:
            if attachment.id == attachment_id:
                return attachment
        raise UnknownAttachment

    def _put_attachment(self, changed: Attachment) -> None:
        self.attachments = tuple(changed if one.id == changed.id else one for one in self.attachments)
        self.touched |= {changed.id}

    def _tell(self, kind: str, at: datetime, about: UUID, **told: str | int) -> None:
        self.entries += (Entry(kind, at, about, tuple(told.items())),)
