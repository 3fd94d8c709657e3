"""What the service storage says about attachments that are bound to a submitted dossier; never a file name."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from hoso_contracts.event import Event, Sha256, Token
from hoso_contracts.instant import Instant


class AttachmentEvent(Event):
    """Something about one attachment."""

    topic: ClassVar[str] = "attachment.lifecycle.v1"

    attachment_id: Annotated[UUID, Field(description="The attachment.")]

    @property
    def subject(self) -> UUID:
        """The attachment."""
        return self.attachment_id


class AttachmentStored(AttachmentEvent):
    """The attachment is kept for good, because its dossier was submitted."""

    type: ClassVar[str] = "hoso.attachment.stored.v1"

    component: Annotated[Token, Field(description="Which component of the procedure it serves. Open value.")]
    sha256: Annotated[Sha256, Field(description="SHA-256 of the content, 64 lower-case hexadecimal digits.")]
    size: Annotated[int, Field(ge=1, le=2**53 - 1, description="Size of the content in bytes.")]
    media_type: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$", max_length=100),
        Field(
            description="Type of the content, found by looking at it: `application/pdf`, `image/jpeg`, `image/png`. "
            "Open value."
        ),
    ]
    stored_at: Annotated[Instant, Field(description="When it was bound to the dossier, UTC.")]


class AttachmentScanned(AttachmentEvent):
    """A scanner looked at the attachment, or it is known that none will."""

    type: ClassVar[str] = "hoso.attachment.scanned.v1"

    verdict: Annotated[
        Token,
        Field(
            description="`clean`, `infected`, or `not-scanned` (no scanner is configured). Open value: treat an "
            "unknown one as not clean."
        ),
    ]
    scanned_at: Annotated[Instant, Field(description="When the verdict was given, UTC.")]


class AttachmentExpired(AttachmentEvent):
    """The content was gone before it could be bound: the citizen must send the paper again."""

    type: ClassVar[str] = "hoso.attachment.expired.v1"

    expired_at: Annotated[Instant, Field(description="When it was found to be gone, UTC.")]
