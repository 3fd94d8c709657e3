"""A request and an outcome, decided by plain functions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.work import GivenUp
from hoso_contracts.dossier import NotificationParameters, NotificationRequested
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_notify.domain import AnotherDossier, Notification
from hoso_notify.handlers import send_notification
from hoso_notify.sending import Message, TakenOver, record_given_up, record_sent

DOSSIER = UUID("01930f5e-6f00-7000-8000-000000000001")
NOTIFICATION = UUID("01930f5e-6f00-7000-8000-000000000002")
ASKED = datetime(2026, 11, 24, 3, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
CONTACTS = ("0912345678", "+84912345678", "an@mail.example")


def requested(**changed: Any) -> NotificationRequested:
    values: dict[str, Any] = {
        "dossier_id": DOSSIER,
        "notification_id": NOTIFICATION,
        "channel": "sms",
        "template": "dossier-submitted",
        "occasion": "submitted",
        "recipient": "0912345678",
        "parameters": NotificationParameters(
            dossier_code="G01.999.000.000-261124-0001", procedure_code="1.004194", procedure_name="Đăng ký tạm trú"
        ),
        "requested_at": ASKED,
    }
    return NotificationRequested(**{**values, **changed})


def handle(event: NotificationRequested, notification: Notification) -> list[Consequence]:
    return list(send_notification(event, notification, clock=lambda: NOW))


def message(event: NotificationRequested) -> Message:
    (work,) = handle(event, Notification(NOTIFICATION))
    assert isinstance(work, Work)
    assert isinstance(work.payload, Message)
    return work.payload


def given_up(why: GivenUp, notification: Notification) -> Iterable[Consequence]:
    return list(record_given_up(message(requested()), why, notification, clock=lambda: NOW))


@pytest.fixture
def asked() -> Notification:
    notification = Notification(NOTIFICATION)
    handle(requested(), notification)
    return notification


@pytest.mark.parametrize(
    ("channel", "recipient", "kind", "to"),
    [
        ("sms", "0912345678", "send-sms", "+84912345678"),
        ("email", "an@mail.example", "send-email", "an@mail.example"),
    ],
)
def test_a_request_becomes_work_of_its_channel(channel: str, recipient: str, kind: str, to: str) -> None:
    notification = Notification(NOTIFICATION)
    (work,) = handle(requested(channel=channel, recipient=recipient), notification)
    assert isinstance(work, Work)
    assert (work.kind, work.key, work.subject) == (kind, f"{DOSSIER}:{channel}", NOTIFICATION)
    assert isinstance(work.payload, Message)
    assert (work.payload.recipient, work.payload.text) == (to, "dossier-submitted/v1")
    assert Message.model_validate_json(work.payload.model_dump_json()) == work.payload
    assert notification.state == "asked"


def test_the_payload_does_not_show_the_recipient() -> None:
    assert not any(contact in repr(message(requested())) for contact in CONTACTS)


def test_the_aggregate_never_holds_the_recipient(asked: Notification) -> None:
    assert not any(contact in repr(asked) for contact in CONTACTS)


def test_a_request_repeated_while_it_is_being_sent_changes_nothing(asked: Notification) -> None:
    assert handle(requested(), asked) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"channel": "zalo"},
        {"template": "dossier-praised"},
        {"template": "dossier-submitted.v9"},
        {"recipient": "02438254000"},
        {"channel": "email"},
    ],
    ids=["channel", "template", "version", "landline", "number-for-mail"],
)
def test_what_cannot_be_written_to_is_answered_as_rejected(changed: dict[str, str]) -> None:
    event, notification = requested(**changed), Notification(NOTIFICATION)
    expected = NotificationFailed(
        dossier_id=DOSSIER,
        notification_id=NOTIFICATION,
        channel=event.channel,
        occasion="submitted",
        reason="rejected",
        failed_at=NOW,
    )
    assert handle(event, notification) == [expected]
    assert notification.state == "failed"
    assert handle(event, notification) == [expected]


def test_another_dossiers_request_of_the_same_id_is_no_request(asked: Notification) -> None:
    with pytest.raises(AnotherDossier):
        handle(requested(dossier_id=UUID(int=1)), asked)


def test_what_was_taken_over_is_told_once_and_again_when_asked_again(asked: Notification) -> None:
    told = list(record_sent(message(requested()), TakenOver(NOW, 1, "gsm-7"), asked))
    assert told == [
        NotificationDelivered(
            dossier_id=DOSSIER,
            notification_id=NOTIFICATION,
            channel="sms",
            occasion="submitted",
            segments=1,
            encoding="gsm-7",
            delivered_at=NOW,
        )
    ]
    assert list(record_sent(message(requested()), TakenOver(NOW, 2, "ucs-2"), asked)) == []
    assert handle(requested(), asked) == told


@pytest.mark.parametrize(
    ("why", "reason", "state"),
    [("refused", "rejected", "failed"), ("expired", "expired", "failed"), ("unknown", "unknown", "unknown")],
)
def test_what_was_given_up_is_told_with_its_reason(why: GivenUp, reason: str, state: str, asked: Notification) -> None:
    (told,) = given_up(why, asked)
    assert isinstance(told, NotificationFailed)
    assert (told.reason, told.failed_at, asked.state) == (reason, NOW, state)
    assert given_up(why, asked) == []
    assert handle(requested(), asked) == [told]


@pytest.mark.parametrize("why", ["refused", "expired", "unknown"])
def test_the_first_outcome_stays(why: GivenUp, asked: Notification) -> None:
    assert list(record_sent(message(requested()), TakenOver(NOW), asked))
    assert given_up(why, asked) == []
    assert asked.state == "sent"
