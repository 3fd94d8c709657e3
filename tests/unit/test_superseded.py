"""Which records come too late, asked of the aggregates of every service as plain functions."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import pytest

from hoso_contracts.dossier import AttachmentReference, DossierSubmitted, IdentityVerificationRequested
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_dossier.domain import Dossier
from hoso_dossier.handlers import inbound as dossiers
from hoso_dossier.values import Answer, Status
from hoso_identity.domain import Verification
from hoso_identity.handlers import inbound as verifications
from hoso_notify.domain import Notification
from hoso_notify.handlers import inbound as notifications
from hoso_storage.domain import Attachment, DraftFiles
from hoso_storage.handlers import inbound as drafts
from support.dossier_samples import AGENCY, CODE, later, submitted
from support.notify import requested

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def comes_too_late(dossier: Dossier, event: Event) -> bool:
    superseded = dossiers.routes[event.type].superseded
    assert superseded is not None
    return superseded(event, dossier)


def events(dossier: Dossier, **changed: Any) -> dict[str, Event]:
    """One event of each type that dossier hears, about its own question, paper and notification."""
    paper = {"dossier_id": dossier.id, "attachment_id": changed.get("attachment", dossier.attachments[0].id)}
    question = {"dossier_id": dossier.id, "verification_id": changed.get("question", dossier.verification.id)}
    notice: dict[str, Any] = {
        "dossier_id": dossier.id,
        "notification_id": changed.get("notice", dossier.notifications[0].id),
        "channel": "email",
        "occasion": "submitted",
    }
    at = later(10)
    return {
        "verified": IdentityVerified(**question, verified_at=at),
        "rejected": IdentityRejected(**question, rejected_at=at),
        "stored": AttachmentStored(
            **paper, component="proof-of-dwelling", sha256="a1" * 32, size=1, media_type="image/png", stored_at=at
        ),
        "scanned": AttachmentScanned(**paper, verdict="clean", scanned_at=at),
        "expired": AttachmentExpired(**paper, expired_at=at),
        "delivered": NotificationDelivered(**notice, delivered_at=at),
        "failed": NotificationFailed(**notice, reason="expired", failed_at=at),
    }


def late(dossier: Dossier, **changed: Any) -> set[str]:
    return {name for name, event in events(dossier, **changed).items() if comes_too_late(dossier, event)}


def test_nothing_comes_too_late_for_a_dossier_that_still_waits() -> None:
    assert late(submitted()) == set()


def test_an_answer_to_another_question_comes_too_late() -> None:
    assert late(submitted(), question=uuid4()) == {"verified", "rejected"}


@pytest.mark.parametrize("answer", [Answer.VERIFIED, Answer.REJECTED])
def test_a_question_that_was_answered_is_answered(answer: Answer) -> None:
    dossier = submitted()
    dossier.verification = replace(dossier.verification, answer=answer)
    assert late(dossier) == {"verified", "rejected"}


def test_a_dossier_that_has_ended_hears_of_its_notices_only() -> None:
    dossier = submitted()
    dossier.status = Status.REFUSED
    assert late(dossier) == {"verified", "rejected", "stored", "scanned", "expired"}


def test_what_is_known_of_a_paper_need_not_be_said_again() -> None:
    dossier = submitted()
    known = replace(dossier.attachments[0], stored_at=later(1), verdict="clean", verdict_at=later(10))
    dossier.attachments = (replace(known, expired_at=later(1)),)
    assert late(dossier) == {"stored", "scanned", "expired"}
    dossier.attachments = (replace(known, verdict_at=later(9)),)
    assert late(dossier) == {"stored"}, "a later verdict counts"


@pytest.mark.parametrize(("state", "told"), [("delivered", {"delivered", "failed"}), ("failed", {"failed"})])
def test_what_was_delivered_stays_delivered(state: str, told: set[str]) -> None:
    dossier = submitted()
    dossier.notifications = tuple(replace(one, state=state) for one in dossier.notifications)
    assert late(dossier) == told


def test_what_the_dossier_does_not_have_is_no_matter_of_time() -> None:
    dossier = submitted()
    dossier.status = Status.REFUSED
    assert late(dossier, attachment=uuid4(), notice=uuid4()) == {"verified", "rejected"}


@pytest.mark.parametrize(
    ("known", "is_late"),
    [
        (Verification(UUID(int=1)), False),
        (Verification(UUID(int=1), UUID(int=2), "given-up"), False),
        (Verification(UUID(int=1), UUID(int=2), "asked", in_work=True), True),
        (Verification(UUID(int=1), UUID(int=2), "answered", verdict="verified"), True),
    ],
)
def test_a_question_that_was_asked_again_since_comes_too_late(known: Verification, is_late: bool) -> None:  # noqa: FBT001
    superseded = verifications.routes[IdentityVerificationRequested.type].superseded
    assert superseded is not None
    assert superseded(object(), known) is is_late


@pytest.mark.parametrize(
    ("known", "is_late"),
    [
        (Notification(UUID(int=1)), False),
        (Notification(UUID(int=1), later_asked_at=NOW), True),
        (Notification(UUID(int=1), state="asked"), True),
        (Notification(UUID(int=1), state="sent"), True),
    ],
)
def test_a_request_comes_too_late_after_itself_and_after_a_later_one(known: Notification, is_late: bool) -> None:  # noqa: FBT001
    event = requested()
    superseded = notifications.routes[event.type].superseded
    assert superseded is not None
    assert superseded(event, known) is is_late


@pytest.mark.parametrize(
    ("state", "sha256", "missing", "is_late"),
    [
        ("stored", "a1", False, False),
        ("bound", "a1", False, True),
        ("scanned", "a1", False, True),
        ("lost", "a1", False, True),
        ("bound", "b2", False, False),
        ("bound", "b2", True, True),
        ("expired", "a1", True, True),
    ],
)
def test_a_submission_comes_too_late_when_every_paper_is_answered(
    state: Any,
    sha256: str,
    missing: bool,  # noqa: FBT001
    is_late: bool,  # noqa: FBT001
) -> None:
    draft, paper = uuid4(), uuid4()
    known = Attachment(paper, draft, "proof-of-dwelling", "person-1", sha256 * 32, 1, "image/png", NOW, state)
    files = DraftFiles(draft, MappingProxyType({paper: known}), frozenset({paper} if missing else ()))
    event = DossierSubmitted(
        dossier_id=draft,
        code=CODE,
        procedure="1.004194",
        case="individual",
        agency=AGENCY,
        channel="online",
        submitted_at=NOW,
        attachments=(AttachmentReference(attachment_id=paper, component="proof-of-dwelling", sha256="a1" * 32),),
    )
    superseded = drafts.routes[event.type].superseded
    assert superseded is not None
    assert superseded(event, files) is is_late
