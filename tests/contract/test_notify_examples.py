"""Every example of a request that the contracts publish goes through the handler, twice."""

from collections.abc import Iterable
from importlib.resources import files

import pytest

from hoso_chassis.consequences import Consequence, Work
from hoso_contracts.dossier import NotificationRequested
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.topics import TOPICS
from hoso_notify.domain import Notification
from hoso_notify.handlers import inbound, send_notification
from hoso_notify.sending import Message, TakenOver, record_sent

TYPE = NotificationRequested.type


def examples() -> Iterable[NotificationRequested]:
    folder = files("hoso_contracts").joinpath("examples")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.startswith(TYPE):
            yield NotificationRequested.model_validate_json(file.read_bytes())


def handle(event: NotificationRequested, notification: Notification) -> list[Consequence]:
    return list(send_notification(event, notification))


def test_there_are_examples_of_both_channels() -> None:
    assert {"email", "sms"} <= {event.channel for event in examples()}


@pytest.mark.parametrize("event", list(examples()), ids=lambda event: f"{event.channel}-{event.template}")
def test_an_example_is_sent_once_and_answered_twice(event: NotificationRequested) -> None:
    notification = Notification(event.notification_id)
    (work,) = handle(event, notification)
    assert isinstance(work, Work)
    assert handle(event, notification) == []
    assert isinstance(work.payload, Message)
    (outcome,) = record_sent(work.payload, TakenOver(event.requested_at), notification)
    assert isinstance(outcome, NotificationDelivered)
    assert handle(event, notification) == [outcome]


def test_the_topics_say_what_the_service_reads_and_writes() -> None:
    assert set(inbound.routes) == {TYPE}
    assert "notify" in TOPICS[NotificationRequested.topic].consumers
    for event in (NotificationDelivered, NotificationFailed):
        assert event.topic == "notification.deliveries.v1"
        assert event.type in TOPICS[event.topic].types
        assert TOPICS[event.topic].producers == ("notify",)
