"""The seven places where a service reads a topic: a good event for each, and what must follow from it, once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from hoso_contracts.dossier import (
    AttachmentCheckRequested,
    AttachmentReference,
    DossierAccepted,
    DossierSubmitted,
    IdentityVerificationRequested,
    NotificationParameters,
    NotificationRequested,
)
from hoso_contracts.envelope import CloudEvent
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityRejected
from hoso_contracts.notify import NotificationDelivered
from hoso_contracts.storage import AttachmentScanned
from hoso_contracts.topics import TOPICS
from hoso_population_mock.people import Person
from support.counting import envelope
from support.record_ends import Good


def _code() -> str:
    """A dossier code of a block that no day gives out."""
    return f"G01.999.000.000-{datetime.now(UTC):%y%m%d}-{900_000_000 + secrets.randbelow(100_000_000)}"


@dataclass(frozen=True, slots=True)
class Subject:
    """A submitted dossier that waits for every answer, and the ids of what belongs to it.

    Attributes:
        sha256: of the paper.
        person: who declared it, as the population register has the person.
    """

    person: Person
    dossier_id: UUID = field(default_factory=uuid4)
    code: str = field(default_factory=_code)
    verification_id: UUID = field(default_factory=uuid4)
    notification_id: UUID = field(default_factory=uuid4)
    attachment_id: UUID = field(default_factory=uuid4)
    sha256: str = "a1" * 32


def rejected(subject: Subject) -> Event:
    return IdentityRejected(
        dossier_id=subject.dossier_id, verification_id=subject.verification_id, rejected_at=datetime.now(UTC)
    )


def infected(subject: Subject) -> Event:
    return AttachmentScanned(
        dossier_id=subject.dossier_id,
        attachment_id=subject.attachment_id,
        verdict="infected",
        scanned_at=datetime.now(UTC),
    )


def delivered(subject: Subject) -> Event:
    return NotificationDelivered(
        dossier_id=subject.dossier_id,
        notification_id=subject.notification_id,
        channel="email",
        occasion="accepted",
        delivered_at=datetime.now(UTC),
    )


def asked(subject: Subject) -> Event:
    return IdentityVerificationRequested(
        dossier_id=subject.dossier_id,
        verification_id=subject.verification_id,
        identity_number=subject.person.identity_number,
        full_name=subject.person.full_name,
        date_of_birth=subject.person.date_of_birth,
        requested_at=datetime.now(UTC),
    )


def _public(subject: Subject) -> dict[str, Any]:
    return {
        "dossier_id": subject.dossier_id,
        "code": subject.code,
        "procedure": "1.004194",
        "case": "individual",
        "agency": "G01.999.901",
    }


def submitted(subject: Subject) -> Event:
    paper = AttachmentReference(
        attachment_id=subject.attachment_id, component="proof-of-dwelling", sha256=subject.sha256
    )
    return DossierSubmitted(**_public(subject), channel="online", submitted_at=datetime.now(UTC), attachments=(paper,))


def checked(subject: Subject) -> Event:
    paper = AttachmentReference(
        attachment_id=subject.attachment_id, component="proof-of-dwelling", sha256=subject.sha256
    )
    return AttachmentCheckRequested(dossier_id=subject.dossier_id, attachments=(paper,), requested_at=datetime.now(UTC))


def accepted(subject: Subject) -> Event:
    now = datetime.now(UTC)
    return DossierAccepted(
        **_public(subject), previous_status=1, accepted_at=now, due_at=now + timedelta(days=3), receipt="CT04"
    )


def requested(subject: Subject) -> Event:
    parameters = NotificationParameters(
        dossier_code=subject.code,
        procedure_code="1.004194",
        procedure_name="Đăng ký tạm trú",
        due_at=datetime.now(UTC) + timedelta(days=3),
    )
    return NotificationRequested(
        dossier_id=subject.dossier_id,
        notification_id=subject.notification_id,
        channel="email",
        template="dossier-accepted",
        occasion="accepted",
        recipient=subject.person.email,
        parameters=parameters,
        requested_at=datetime.now(UTC),
    )


Saying = Callable[[Subject], Event]


@dataclass(frozen=True, slots=True)
class Place:
    """One service that reads one topic.

    Attributes:
        good: an event that it takes, with an effect.
        effects: what it leads to, each once: types of events, "mail", or "line" for a line of the timeline.
        elsewhere, unheard: of a type that the topic may not have; of one that the reader has no handler for.
        belongs: the id that makes a good event impossible when it is another's; empty where none does.
    """

    service: str
    topic: str
    good: Saying
    effects: tuple[str, ...]
    elsewhere: Saying
    unheard: Saying
    belongs: str = ""

    @property
    def name(self) -> str:
        return f"{self.service} {self.topic}"

    def about(self, subject: Subject, known: Subject) -> Good:
        """A good event about a subject; of `known` the reader has taken the same in."""
        return Good(
            self.service,
            self.topic,
            self.good(subject),
            self._said(self.good, subject),
            personal(subject.person),
            elsewhere=self._said(self.elsewhere, subject),
            unheard=self._said(self.unheard, subject),
            contradiction=self._said(self.good, self._impossible(subject, known)) if self.belongs else None,
            stranger=self._said(self.good, replace(subject, dossier_id=uuid4())) if self.service == "dossier" else None,
        )

    def _impossible(self, subject: Subject, known: Subject) -> Subject:
        another = uuid4() if self.service == "dossier" else getattr(known, self.belongs)
        return replace(subject, **{self.belongs: another})

    def _said(self, say: Saying, subject: Subject) -> CloudEvent:
        return envelope(say(subject), source=f"/hoso/{TOPICS[self.topic].owner}")


def personal(person: Person) -> dict[str, str]:
    """What may not be repeated of somebody, by what it is."""
    return {
        "name": person.full_name,
        "identity number": person.identity_number,
        "e-mail": person.email,
        "phone": person.phone,
    }


PLACES: Final = (
    Place("dossier", "identity.verifications.v1", rejected, ("hoso.dossier.refused.v1",), infected, asked),
    Place(
        *("dossier", "attachment.lifecycle.v1", infected, ("hoso.dossier.supplement-requested.v1",)),
        *(delivered, submitted, "attachment_id"),
    ),
    Place("dossier", "notification.deliveries.v1", delivered, ("line",), rejected, requested, "notification_id"),
    Place(
        *("identity", "identity.verification-requests.v1", asked, ("hoso.identity.verified.v1",)),
        *(rejected, requested, "verification_id"),
    ),
    Place(
        *("storage", "dossier.lifecycle.v1", submitted, ("hoso.attachment.stored.v1", "hoso.attachment.scanned.v1")),
        *(asked, accepted),
    ),
    Place(
        *(
            "storage",
            "attachment.check-requests.v1",
            checked,
            ("hoso.attachment.stored.v1", "hoso.attachment.scanned.v1"),
        ),
        *(asked, infected),
    ),
    Place(
        *("notify", "notification.requests.v1", requested, ("hoso.notification.delivered.v1", "mail")),
        *(delivered, asked, "notification_id"),
    ),
)
