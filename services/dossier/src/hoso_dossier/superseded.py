"""What comes too late for a dossier: asked of the dossier as it stands, when a dead letter is redriven; no I/O.

A record that the dossier cannot mean at all (a paper or a notification that it does not have) is not too late: its
handler says so, and the letter stays.
"""

from uuid import UUID

from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_dossier.domain import Dossier
from hoso_dossier.values import Answer, Attachment, Status

_ENDED = frozenset({Status.REFUSED})


def by_another_answer(event: IdentityVerified | IdentityRejected, dossier: Dossier) -> bool:
    """Another question was asked since, this one has been answered, or the dossier has ended."""
    asked = dossier.verification
    return asked.id != event.verification_id or asked.answer is not Answer.AWAITED or dossier.status in _ENDED


def by_the_same_binding(event: AttachmentStored, dossier: Dossier) -> bool:
    """The paper is known to be kept, or the dossier has ended."""
    found = _attachment(dossier, event.attachment_id)
    return found is not None and (found.stored_at is not None or dossier.status in _ENDED)


def by_a_later_verdict(event: AttachmentScanned, dossier: Dossier) -> bool:
    """There is a verdict of the same time or later, or the dossier has ended."""
    found = _attachment(dossier, event.attachment_id)
    if found is None:
        return False
    return dossier.status in _ENDED or (found.verdict_at is not None and event.scanned_at <= found.verdict_at)


def by_the_same_loss(event: AttachmentExpired, dossier: Dossier) -> bool:
    """The paper is known to be gone, or the dossier has ended."""
    found = _attachment(dossier, event.attachment_id)
    return found is not None and (found.expired_at is not None or dossier.status in _ENDED)


def by_another_delivery(event: NotificationDelivered, dossier: Dossier) -> bool:
    """It is known to be delivered."""
    return _state(dossier, event.notification_id) == "delivered"


def by_another_outcome(event: NotificationFailed, dossier: Dossier) -> bool:
    """It is known how it ended."""
    return _state(dossier, event.notification_id) in {"delivered", "failed"}


def _attachment(dossier: Dossier, attachment_id: UUID) -> Attachment | None:
    return next((one for one in dossier.attachments if one.id == attachment_id), None)


def _state(dossier: Dossier, notification_id: UUID) -> str | None:
    return next((one.state for one in dossier.notifications if one.id == notification_id), None)
