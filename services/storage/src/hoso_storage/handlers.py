"""From a submitted dossier to its bound files, and from a scan to its verdict; plain functions, no I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.inbound import Inbound
from hoso_chassis.work import GivenUp
from hoso_contracts.dossier import AttachmentCheckRequested, DossierSubmitted
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_storage.domain import Attachment, Bound, DraftFiles, Missing, Scanned

SCAN: Final = "scan"

inbound = Inbound[DraftFiles]()


class ScanOrder(BaseModel):
    """What a scan needs: the attachment's id, which is its object's key, and the size that the object must have."""

    dossier_id: UUID
    attachment_id: UUID
    size: int


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found: a verdict, or None when the content is gone; and when."""

    verdict: str | None
    at: datetime


def is_bound(event: DossierSubmitted, files: DraftFiles) -> bool:
    """Whether a redriven submission comes too late: of every file that it names dossier has been told, since asked."""
    return all(files.is_answered(reference.attachment_id, reference.sha256) for reference in event.attachments)


@inbound.on(DossierSubmitted, of=lambda event: event.dossier_id, superseded=is_bound)
def bind_attachments(event: DossierSubmitted, files: DraftFiles) -> Iterable[Consequence]:
    """Give the files that the dossier names to it, and order a scan of each.

    Gone, or not what was signed for: told as expired, so that the citizen is asked for it again; never a dead letter.
    Duplicates: a file that the dossier has already is not told again.
    """
    for reference in event.attachments:
        yield from _told(files, files.bind(reference.attachment_id, reference.sha256), event.submitted_at)


@inbound.on(AttachmentCheckRequested, of=lambda event: event.dossier_id)
def answer_again(event: AttachmentCheckRequested, files: DraftFiles) -> Iterable[Consequence]:
    """Say again what is known of papers that the dossier waits for: what was said, or asked, may have been lost.

    Duplicates: the same answer again, which dossier has or has not. A scan that is under way is waited for; one that
    died is ordered anew.
    """
    for reference in event.attachments:
        known = files.answer_again(reference.attachment_id, reference.sha256, event.requested_at)
        yield from _told(files, known, event.requested_at)


def record_verdict(order: ScanOrder, result: ScanResult, files: DraftFiles) -> Iterable[Consequence]:
    """Tell the verdict, or that there was nothing left to look at.

    Duplicates: only the first result on a file is told.
    """
    if result.verdict is None:
        for missing in files.lose(order.attachment_id):
            yield _expired(files, missing.attachment_id, result.at)
        return
    yield from _told(files, files.scan(order.attachment_id, result.verdict, result.at), result.at)


def leave_open(_order: ScanOrder, _reason: GivenUp, _files: DraftFiles) -> Iterable[Consequence]:
    """Tell nothing: a verdict that nobody gave must not let a file pass.

    The dead work is visible to the operator; retried, it still gives its verdict.
    """
    return ()


def _told(files: DraftFiles, outcomes: Iterable[Bound | Missing | Scanned], at: datetime) -> Iterator[Consequence]:
    for outcome in outcomes:
        match outcome:
            case Bound(attachment, is_unscanned):
                yield _stored(attachment, at)
                if is_unscanned:
                    yield _scan(attachment)
            case Missing(attachment_id):
                yield _expired(files, attachment_id, at)
            case Scanned(attachment_id, verdict, scanned_at):
                yield AttachmentScanned(
                    dossier_id=files.draft_id, attachment_id=attachment_id, verdict=verdict, scanned_at=scanned_at
                )


def _stored(attachment: Attachment, at: datetime) -> AttachmentStored:
    return AttachmentStored(
        dossier_id=attachment.draft_id,
        attachment_id=attachment.id,
        component=attachment.component,
        sha256=attachment.sha256,
        size=attachment.size,
        media_type=attachment.media_type,
        stored_at=at,
    )


def _expired(files: DraftFiles, attachment_id: UUID, at: datetime) -> AttachmentExpired:
    return AttachmentExpired(dossier_id=files.draft_id, attachment_id=attachment_id, expired_at=at)


def _scan(attachment: Attachment) -> Work:
    order = ScanOrder(dossier_id=attachment.draft_id, attachment_id=attachment.id, size=attachment.size)
    return Work(SCAN, f"{attachment.draft_id}:scan", attachment.draft_id, order)
