"""What dossier does about what the other services say; each handler names its event and the domain's answer to it.

Duplicates never reach a handler: the inbox has the id. The same thing said again under another id changes nothing.
`superseded` is asked only when a dead letter is redriven: whether the event comes too late.
"""

from collections.abc import Iterable
from typing import Final

from hoso_chassis.consequences import Consequence
from hoso_chassis.inbound import Inbound
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_dossier import superseded
from hoso_dossier.announcements import announced
from hoso_dossier.domain import Dossier

inbound: Final = Inbound[Dossier]()


@inbound.on(IdentityVerified, of=lambda event: event.dossier_id, superseded=superseded.by_another_answer)
def confirm_identity(event: IdentityVerified, dossier: Dossier) -> Iterable[Consequence]:
    """Mark the identity as confirmed, if the answer is to the question last asked.

    Out of order: only the first answer to a question counts; whatever the status is, it stays.
    """
    dossier.confirm_identity(event.verification_id, event.verified_at)
    return ()


@inbound.on(IdentityRejected, of=lambda event: event.dossier_id, superseded=superseded.by_another_answer)
def reject_identity(event: IdentityRejected, dossier: Dossier) -> Iterable[Consequence]:
    """Refuse the dossier (CT06) and tell the citizen, if the answer is to the question last asked.

    Out of order: a dossier that somebody has decided on stays as it is.
    """
    return announced(dossier, dossier.reject_identity(event.verification_id, event.rejected_at))


@inbound.on(AttachmentStored, of=lambda event: event.dossier_id, superseded=superseded.by_the_same_binding)
def keep_attachment(event: AttachmentStored, dossier: Dossier) -> Iterable[Consequence]:
    """Note that storage has bound the attachment to the dossier.

    Out of order: may come after the verdict.
    """
    dossier.keep_attachment(event.attachment_id, event.sha256, event.stored_at)
    return ()


@inbound.on(AttachmentScanned, of=lambda event: event.dossier_id, superseded=superseded.by_a_later_verdict)
def record_verdict(event: AttachmentScanned, dossier: Dossier) -> Iterable[Consequence]:
    """Note the verdict; an infected paper leads to status 5 (CT05), and the citizen is told.

    Out of order: the latest verdict counts; a refused dossier stays refused.
    """
    return announced(dossier, dossier.record_verdict(event.attachment_id, event.verdict, event.scanned_at))


@inbound.on(AttachmentExpired, of=lambda event: event.dossier_id, superseded=superseded.by_the_same_loss)
def expire_attachment(event: AttachmentExpired, dossier: Dossier) -> Iterable[Consequence]:
    """Ask for the paper again, status 5 (CT05): its content was gone before it could be bound.

    Out of order: a refused dossier stays refused.
    """
    return announced(dossier, dossier.expire_attachment(event.attachment_id, event.expired_at))


@inbound.on(NotificationDelivered, of=lambda event: event.dossier_id, superseded=superseded.by_another_delivery)
def note_delivery(event: NotificationDelivered, dossier: Dossier) -> Iterable[Consequence]:
    """Note that the citizen was told.

    Out of order: what was delivered stays delivered.
    """
    dossier.settle_notification(event.notification_id, None, event.delivered_at, event.segments)
    return ()


@inbound.on(NotificationFailed, of=lambda event: event.dossier_id, superseded=superseded.by_another_outcome)
def note_failure(event: NotificationFailed, dossier: Dossier) -> Iterable[Consequence]:
    """Note that the citizen could not be told by this channel, and why.

    Out of order: what was delivered stays delivered.
    """
    dossier.settle_notification(event.notification_id, event.reason, event.failed_at)
    return ()
