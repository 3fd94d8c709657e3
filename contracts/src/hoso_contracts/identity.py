"""What the service identity says: the answer to a verification request, never which value differed."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from hoso_contracts.event import Event
from hoso_contracts.instant import Instant


class IdentityEvent(Event):
    """An answer of identity."""

    topic: ClassVar[str] = "identity.verifications.v1"

    verification_id: Annotated[UUID, Field(description="The question this answers, from the request.")]

    @property
    def subject(self) -> UUID:
        """The verification."""
        return self.verification_id


class IdentityVerified(IdentityEvent):
    """Number, name and date of birth together match one person of the population register."""

    type: ClassVar[str] = "hoso.identity.verified.v1"

    verified_at: Annotated[Instant, Field(description="When the register gave its answer, UTC.")]


class IdentityRejected(IdentityEvent):
    """The three values do not match one person; which of them differs is not told, so that nobody can probe."""

    type: ClassVar[str] = "hoso.identity.rejected.v1"

    rejected_at: Annotated[Instant, Field(description="When the register gave its answer, UTC.")]
