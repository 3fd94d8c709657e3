"""The two kinds of work, by e-mail and by SMS, and how their outcome is told; the recipient is kept only until then."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hoso_chassis.consequences import Consequence
from hoso_chassis.work import GivenUp, Kind
from hoso_contracts.dossier import NotificationParameters
from hoso_contracts.event import Event
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_notify.domain import Notification, Wanted
from hoso_notify.segments import Segmented, segment
from hoso_notify.templates import Letter, Texts

SEND_EMAIL: Final = "send-email"
SEND_SMS: Final = "send-sms"
KINDS: Final = {"email": SEND_EMAIL, "sms": SEND_SMS}
MAX_AGE: Final = timedelta(days=3)


class Message(BaseModel):
    """What one send needs. `text` names a version of a template, so that what was asked for is what is sent."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    notification_id: UUID
    recipient: str = Field(repr=False)
    text: str
    parameters: NotificationParameters


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The next system has it. `segments` and `encoding`: of an SMS."""

    at: datetime
    segments: int | None = None
    encoding: str | None = None


Clock = Callable[[], datetime]
SendLetter = Callable[[UUID, str, Letter], Awaitable[None]]
SendSegments = Callable[[UUID, str, Segmented], Awaitable[None]]
SendKind = Kind[Message, TakenOver, Notification]


def email_kind(send: SendLetter, texts: Texts, clock: Clock, *, timeout: float, concurrency: int) -> SendKind:
    """Describe the work against the mail server: at least once, each time with the same Message-ID."""

    async def perform(message: Message) -> TakenOver:
        await send(message.notification_id, message.recipient, texts.letter(message.text, message.parameters))
        return TakenOver(clock())

    return Kind(
        name=SEND_EMAIL,
        target="smtp",
        payload=Message,
        perform=perform,
        record=record_sent,
        give_up=partial(record_given_up, clock=clock),
        timeout=timeout,
        max_age=MAX_AGE,
        concurrency=concurrency,
    )


def sms_kind(send: SendSegments, texts: Texts, clock: Clock, *, timeout: float, concurrency: int) -> SendKind:
    """Describe the work against the SMS centre: at most once; what was begun and not answered is never sent again."""

    async def perform(message: Message) -> TakenOver:
        segmented = segment(texts.sms(message.text, message.parameters))
        await send(message.notification_id, message.recipient, segmented)
        return TakenOver(clock(), len(segmented.parts), segmented.encoding)

    return Kind(
        name=SEND_SMS,
        target="smpp",
        payload=Message,
        perform=perform,
        record=record_sent,
        give_up=partial(record_given_up, clock=clock),
        timeout=timeout,
        max_age=MAX_AGE,
        at_most_once=True,
        concurrency=concurrency,
    )


def record_sent(_: Message, taken: TakenOver, notification: Notification) -> Iterable[Consequence]:
    """Keep that it was taken over and announce it, once."""
    if notification.sent(taken.at, taken.segments, taken.encoding):
        yield outcome(notification)


def record_given_up(
    _: Message, given_up: GivenUp, notification: Notification, *, clock: Clock
) -> Iterable[Consequence]:
    """Keep why it was given up and announce it, once."""
    match given_up:
        case "refused":
            is_news = notification.fail("rejected", clock())
        case "expired":
            is_news = notification.fail("expired", clock())
        case "unknown":
            is_news = notification.lose(clock())
    if is_news:
        yield outcome(notification)


def outcome(notification: Notification) -> Event:
    """The event that tells how a notification ended.

    Raises:
        ValueError: it has not ended.
    """
    match notification:
        case Notification(wanted=Wanted() as wanted, state="sent", settled_at=datetime() as at):
            return NotificationDelivered(
                dossier_id=wanted.dossier_id,
                notification_id=notification.notification_id,
                channel=wanted.channel,
                occasion=wanted.occasion,
                segments=notification.segments,
                encoding=notification.encoding,
                delivered_at=at,
            )
        case Notification(wanted=Wanted() as wanted, settled_at=datetime() as at):
            return NotificationFailed(
                dossier_id=wanted.dossier_id,
                notification_id=notification.notification_id,
                channel=wanted.channel,
                occasion=wanted.occasion,
                reason=notification.reason or "unknown",
                failed_at=at,
            )
        case _:
            raise ValueError("a notification that has not ended has no outcome")
