"""What a dossier's facts are called on the wire: the one place that turns them into events of the contracts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from hoso_contracts.dossier import (
    AttachmentReference,
    DossierAccepted,
    DossierRefused,
    DossierSubmitted,
    DossierSupplementRequested,
    IdentityVerificationRequested,
    NotificationParameters,
    NotificationRequested,
)
from hoso_contracts.event import Event
from hoso_dossier.domain import Dossier
from hoso_dossier.values import Fact, NotificationAsked, Status, StatusChange, VerificationAsked


def announced(dossier: Dossier, facts: Iterable[Fact]) -> Iterator[Event]:
    """Yield one event for each fact, in order."""
    for fact in facts:
        match fact:
            case StatusChange():
                yield _MOVED[fact.status](dossier, fact)
            case VerificationAsked():
                yield verification_requested(fact)
            case NotificationAsked():
                yield _notification_requested(dossier, fact)


def verification_requested(asked: VerificationAsked) -> IdentityVerificationRequested:
    """Return the request to identity; asked again it is the same request."""
    return IdentityVerificationRequested(
        dossier_id=asked.dossier_id,
        verification_id=asked.verification_id,
        identity_number=asked.identity.identity_number,
        full_name=asked.identity.full_name,
        date_of_birth=asked.identity.date_of_birth,
        requested_at=asked.first_asked_at,
    )


def _submitted(dossier: Dossier, change: StatusChange) -> DossierSubmitted:
    return DossierSubmitted(
        dossier_id=dossier.id,
        code=dossier.code,
        procedure=dossier.procedure,
        case=dossier.case,
        agency=dossier.agency,
        channel=dossier.channel,
        submitted_at=change.at,
        attachments=tuple(
            AttachmentReference(attachment_id=one.id, component=one.component, sha256=one.sha256)
            for one in dossier.attachments
        ),
    )


def _accepted(dossier: Dossier, change: StatusChange) -> DossierAccepted:
    return DossierAccepted(
        dossier_id=dossier.id,
        code=dossier.code,
        procedure=dossier.procedure,
        case=dossier.case,
        agency=dossier.agency,
        previous_status=_previous(change),
        accepted_at=change.at,
        due_at=dossier.due_at or change.at,
        receipt=_form(change),
    )


def _refused(dossier: Dossier, change: StatusChange) -> DossierRefused:
    return DossierRefused(
        dossier_id=dossier.id,
        code=dossier.code,
        procedure=dossier.procedure,
        case=dossier.case,
        agency=dossier.agency,
        previous_status=_previous(change),
        refused_at=change.at,
        reason=change.reason or "other",
        receipt=_form(change),
    )


def _supplement_requested(dossier: Dossier, change: StatusChange) -> DossierSupplementRequested:
    return DossierSupplementRequested(
        dossier_id=dossier.id,
        code=dossier.code,
        procedure=dossier.procedure,
        case=dossier.case,
        agency=dossier.agency,
        previous_status=_previous(change),
        requested_at=change.at,
        reason=change.reason or "other",
        receipt=_form(change),
    )


def _notification_requested(dossier: Dossier, asked: NotificationAsked) -> NotificationRequested:
    notification = asked.notification
    return NotificationRequested(
        dossier_id=dossier.id,
        notification_id=notification.id,
        channel=notification.channel,
        template=notification.template,
        occasion=notification.occasion,
        recipient=asked.recipient,
        parameters=NotificationParameters(
            dossier_code=dossier.code,
            procedure_code=dossier.procedure,
            procedure_name=dossier.procedure_name,
            due_at=asked.due_at,
            reason=asked.reason,
        ),
        requested_at=notification.requested_at,
    )


def _previous(change: StatusChange) -> int:
    return int(change.previous or 0)


def _form(change: StatusChange) -> str:
    return change.receipt.form if change.receipt else ""


_MOVED: Final[Mapping[Status, Callable[[Dossier, StatusChange], Event]]] = {
    Status.REGISTERED: _submitted,
    Status.ACCEPTED: _accepted,
    Status.REFUSED: _refused,
    Status.SUPPLEMENT_REQUESTED: _supplement_requested,
}
