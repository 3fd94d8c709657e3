"""What dossier answers to the other services, called as plain functions."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from hoso_chassis.consequences import Consequence
from hoso_contracts.dossier import DossierRefused, DossierSupplementRequested, NotificationRequested
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_dossier import handlers
from hoso_dossier.domain import Dossier
from hoso_dossier.values import Answer, Status
from support.dossier_samples import AGENCY, CODE, MOMENT, later, submitted


def types(consequences: Iterable[Consequence]) -> list[type[Any]]:
    return [type(one) for one in consequences]


def rejected(dossier: Dossier) -> IdentityRejected:
    return IdentityRejected(dossier_id=dossier.id, verification_id=dossier.verification.id, rejected_at=later(1))


def scanned(dossier: Dossier, verdict: str) -> AttachmentScanned:
    return AttachmentScanned(
        dossier_id=dossier.id, attachment_id=dossier.attachments[0].id, verdict=verdict, scanned_at=later(2)
    )


def test_a_confirmed_identity_has_no_consequence() -> None:
    dossier = submitted()
    event = IdentityVerified(dossier_id=dossier.id, verification_id=dossier.verification.id, verified_at=later(1))
    assert list(handlers.confirm_identity(event, dossier)) == []
    assert dossier.verification.answer is Answer.VERIFIED


def test_a_rejected_identity_is_one_public_event_and_a_notification_a_channel() -> None:
    dossier = submitted()
    refused, mail, text = handlers.reject_identity(rejected(dossier), dossier)
    assert refused == DossierRefused(
        dossier_id=dossier.id,
        code=CODE,
        procedure="1.004194",
        case="individual",
        agency=AGENCY,
        previous_status=1,
        refused_at=later(1),
        reason="not-eligible",
        receipt="CT06",
    )
    assert isinstance(mail, NotificationRequested)
    assert isinstance(text, NotificationRequested)
    assert (mail.channel, mail.recipient, mail.template) == ("email", "an@example.com", "dossier-refused")
    assert (text.channel, text.recipient, text.occasion) == ("sms", "+84951234567", "refused")
    assert mail.parameters.dossier_code == CODE
    assert mail.parameters.procedure_name == "Đăng ký tạm trú"


def test_an_infected_paper_asks_for_a_supplement() -> None:
    dossier = submitted()
    consequences = list(handlers.record_verdict(scanned(dossier, "infected"), dossier))
    assert types(consequences) == [DossierSupplementRequested, NotificationRequested, NotificationRequested]
    assert isinstance(consequences[0], DossierSupplementRequested)
    assert (consequences[0].receipt, consequences[0].reason) == ("CT05", "attachment-unusable")


@pytest.mark.parametrize("verdict", ["clean", "not-scanned", "puzzling"])
def test_any_other_verdict_is_noted(verdict: str) -> None:
    dossier = submitted()
    assert list(handlers.record_verdict(scanned(dossier, verdict), dossier)) == []
    assert dossier.attachments[0].verdict == verdict


def test_a_stored_paper_is_noted() -> None:
    dossier = submitted()
    paper = dossier.attachments[0]
    event = AttachmentStored(
        dossier_id=dossier.id,
        attachment_id=paper.id,
        component=paper.component,
        sha256=paper.sha256,
        size=paper.size,
        media_type=paper.media_type,
        stored_at=later(1),
    )
    assert list(handlers.keep_attachment(event, dossier)) == []
    assert dossier.attachments[0].stored_at == later(1)


def test_an_expired_paper_asks_for_a_supplement() -> None:
    dossier = submitted()
    event = AttachmentExpired(dossier_id=dossier.id, attachment_id=dossier.attachments[0].id, expired_at=later(1))
    assert types(handlers.expire_attachment(event, dossier))[0] is DossierSupplementRequested
    assert dossier.status is Status.SUPPLEMENT_REQUESTED


def test_deliveries_are_noted() -> None:
    dossier = submitted()
    mail, text = dossier.notifications
    delivered = NotificationDelivered(
        dossier_id=dossier.id,
        notification_id=text.id,
        channel="sms",
        occasion="submitted",
        segments=2,
        encoding="gsm-7",
        delivered_at=later(1),
    )
    failed = NotificationFailed(
        dossier_id=dossier.id,
        notification_id=mail.id,
        channel="email",
        occasion="submitted",
        reason="rejected",
        failed_at=later(2),
    )
    assert [*handlers.note_delivery(delivered, dossier), *handlers.note_failure(failed, dossier)] == []
    assert {(one.channel, one.state, one.reason) for one in dossier.notifications} == {
        ("sms", "delivered", None),
        ("email", "failed", "rejected"),
    }
    assert [dict(entry.told) for entry in dossier.entries] == [
        {"channel": "sms", "occasion": "submitted", "segments": 2},
        {"channel": "email", "occasion": "submitted", "reason": "rejected"},
    ]


def test_a_citizen_who_chose_no_channel_is_not_told() -> None:
    dossier = submitted(contacts=())
    assert types(handlers.reject_identity(rejected(dossier), dossier)) == [DossierRefused]


def test_an_answer_to_an_earlier_question_has_no_consequence() -> None:
    dossier = submitted()
    stale = IdentityRejected(dossier_id=dossier.id, verification_id=uuid4(), rejected_at=MOMENT)
    assert list(handlers.reject_identity(stale, dossier)) == []
    assert dossier.status is Status.REGISTERED
