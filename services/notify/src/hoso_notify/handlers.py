"""What comes in from Kafka and what follows from it; plain functions without I/O."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import utc_now
from hoso_chassis.inbound import Inbound
from hoso_contracts.dossier import NotificationRequested
from hoso_notify.domain import Notification, Step, Wanted
from hoso_notify.recipients import mailbox, mobile
from hoso_notify.sending import KINDS, Message, outcome
from hoso_notify.templates import find

inbound = Inbound[Notification]()

_ADDRESS: Final[Mapping[str, Callable[[str], str | None]]] = {"email": mailbox, "sms": mobile}


def send_notification(
    event: NotificationRequested, notification: Notification, *, clock: Callable[[], datetime] = utc_now
) -> Iterable[Consequence]:
    """Send the message, or tell again how it ended.

    A channel, template or recipient that cannot be written to is no fault of the record: these are open values, and
    whoever asks gets an answer. It is announced as rejected and nothing is sent.

    Duplicates: the same event never reaches here, the inbox has the id; the same request in a new event is answered
    with the outcome, or with nothing while the message is being sent.
    Out of order: messages of one dossier and channel go out in the order of their requests.
    """
    wanted = Wanted(event.dossier_id, event.channel, event.template, event.occasion)
    match notification.ask(wanted, at=event.requested_at):
        case Step.SEND:
            yield _send(event) or _reject(notification, clock())
        case Step.REPEAT:
            yield outcome(notification)
        case Step.WAIT:
            pass


def is_too_late(_event: NotificationRequested, notification: Notification) -> bool:
    """Whether a redriven request must not be carried out any more: nobody is told "submitted" after "accepted"."""
    return notification.is_superseded


inbound.on(NotificationRequested, of=lambda event: event.notification_id, superseded=is_too_late)(send_notification)


def _send(event: NotificationRequested) -> Work | None:
    """The work that sends it, unless this service cannot."""
    text = find(event.template, event.channel)
    recipient = _ADDRESS[event.channel](event.recipient) if text else None
    if text is None or recipient is None:
        return None
    message = Message(
        notification_id=event.notification_id, recipient=recipient, text=text, parameters=event.parameters
    )
    return Work(KINDS[event.channel], f"{event.dossier_id}:{event.channel}", event.notification_id, message)


def _reject(notification: Notification, at: datetime) -> Consequence:
    notification.fail("rejected", at)
    return outcome(notification)
