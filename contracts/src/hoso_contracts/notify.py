"""What the service notify says: how a requested notification ended; never a recipient, never a text."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from hoso_contracts.event import Event, Token
from hoso_contracts.instant import Instant


class NotificationEvent(Event):
    """The end of one notification."""

    topic: ClassVar[str] = "notification.deliveries.v1"

    notification_id: Annotated[UUID, Field(description="The notification, from the request.")]
    channel: Annotated[Token, Field(description="`email` or `sms`. Open value.")]
    occasion: Annotated[
        Token,
        Field(description="What it is about: `submitted`, `accepted`, `refused`, `supplement-requested`. Open value."),
    ]

    @property
    def subject(self) -> UUID:
        """The notification."""
        return self.notification_id


class NotificationDelivered(NotificationEvent):
    """The next system (mail server, SMS centre) took the notification over."""

    type: ClassVar[str] = "hoso.notification.delivered.v1"

    segments: Annotated[int | None, Field(ge=1, le=255, description="SMS only: how many segments it was sent as.")] = (
        None
    )
    encoding: Annotated[Token | None, Field(description="SMS only: `gsm-7` or `ucs-2`. Open value.")] = None
    delivered_at: Annotated[Instant, Field(description="When it was taken over, UTC.")]


class NotificationFailed(NotificationEvent):
    """The notification was given up."""

    type: ClassVar[str] = "hoso.notification.failed.v1"

    reason: Annotated[
        Token,
        Field(
            description="`rejected` (the next system refused it), `expired` (it could not be sent in time), "
            "`unknown` (an SMS whose "
            "answer was lost: it may have arrived and is not sent again). Open value."
        ),
    ]
    failed_at: Annotated[Instant, Field(description="When it was given up, UTC.")]
