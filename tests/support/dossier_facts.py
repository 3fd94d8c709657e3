"""What the other services say about a dossier, as events for tests of dossier."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_contracts.notify import NotificationDelivered, NotificationFailed
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from support.dossier_service import Service


async def question(dossier: Service, dossier_id: UUID) -> UUID:
    """The verification id last asked with."""
    return await dossier.value("SELECT verification_id FROM dossiers WHERE id = $1", dossier_id)


async def paper(dossier: Service, dossier_id: UUID) -> UUID:
    """The first attachment."""
    return await dossier.value("SELECT id FROM attachments WHERE dossier_id = $1 ORDER BY id LIMIT 1", dossier_id)


async def telling(dossier: Service, dossier_id: UUID, channel: str) -> UUID:
    """The notification about the submission."""
    return await dossier.value(
        "SELECT id FROM notifications WHERE dossier_id = $1 AND channel = $2 AND occasion = 'submitted'",
        dossier_id,
        channel,
    )


async def verified(dossier: Service, dossier_id: UUID, verification_id: UUID | None = None) -> IdentityVerified:
    asked = verification_id or await question(dossier, dossier_id)
    return IdentityVerified(dossier_id=dossier_id, verification_id=asked, verified_at=datetime.now(UTC))


async def rejected(dossier: Service, dossier_id: UUID, verification_id: UUID | None = None) -> IdentityRejected:
    asked = verification_id or await question(dossier, dossier_id)
    return IdentityRejected(dossier_id=dossier_id, verification_id=asked, rejected_at=datetime.now(UTC))


async def stored(dossier: Service, dossier_id: UUID, **changed: Any) -> AttachmentStored:
    kept: dict[str, Any] = {
        "dossier_id": dossier_id,
        "attachment_id": await paper(dossier, dossier_id),
        "component": "proof-of-dwelling",
        "sha256": "a1" * 32,
        "size": 12_345,
        "media_type": "application/pdf",
        "stored_at": datetime.now(UTC),
    }
    return AttachmentStored(**(kept | changed))


async def scanned(dossier: Service, dossier_id: UUID, verdict: str) -> AttachmentScanned:
    return AttachmentScanned(
        dossier_id=dossier_id,
        attachment_id=await paper(dossier, dossier_id),
        verdict=verdict,
        scanned_at=datetime.now(UTC),
    )


async def expired(dossier: Service, dossier_id: UUID) -> AttachmentExpired:
    return AttachmentExpired(
        dossier_id=dossier_id, attachment_id=await paper(dossier, dossier_id), expired_at=datetime.now(UTC)
    )


async def delivered(dossier: Service, dossier_id: UUID, channel: str = "sms") -> NotificationDelivered:
    return NotificationDelivered(
        dossier_id=dossier_id,
        notification_id=await telling(dossier, dossier_id, channel),
        channel=channel,
        occasion="submitted",
        segments=2 if channel == "sms" else None,
        encoding="gsm-7" if channel == "sms" else None,
        delivered_at=datetime.now(UTC),
    )


async def failed(dossier: Service, dossier_id: UUID, channel: str = "email") -> NotificationFailed:
    return NotificationFailed(
        dossier_id=dossier_id,
        notification_id=await telling(dossier, dossier_id, channel),
        channel=channel,
        occasion="submitted",
        reason="rejected",
        failed_at=datetime.now(UTC),
    )


async def everything(dossier: Service, dossier_id: UUID) -> dict[str, Event]:
    """One event of each type that dossier listens to, by the name of what it says."""
    return {
        "verified": await verified(dossier, dossier_id),
        "rejected": await rejected(dossier, dossier_id),
        "stored": await stored(dossier, dossier_id),
        "clean": await scanned(dossier, dossier_id, "clean"),
        "infected": await scanned(dossier, dossier_id, "infected"),
        "expired": await expired(dossier, dossier_id),
        "delivered": await delivered(dossier, dossier_id),
        "failed": await failed(dossier, dossier_id),
    }
