"""What follows from a submitted dossier and from a scan: called as plain functions."""

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID, uuid4

from hoso_chassis.consequences import Work
from hoso_contracts.dossier import AttachmentCheckRequested, AttachmentReference, DossierSubmitted
from hoso_contracts.event import Event
from hoso_contracts.storage import AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_storage.domain import Attachment, DraftFiles
from hoso_storage.handlers import (
    ScanOrder,
    ScanResult,
    answer_again,
    bind_attachments,
    inbound,
    leave_open,
    record_verdict,
)

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DOSSIER = uuid4()
SHA256 = "a" * 64


def attachment() -> Attachment:
    return Attachment(uuid4(), DOSSIER, "proof", "p-1", SHA256, 10, "image/png", AT, "stored")


def files_of(*attachments: Attachment) -> DraftFiles:
    return DraftFiles(DOSSIER, MappingProxyType({one.id: one for one in attachments}))


def submitted(*attachment_ids: UUID) -> DossierSubmitted:
    return DossierSubmitted(
        dossier_id=DOSSIER,
        code="G01.999.000.000-261124-0001",
        procedure="1.004194",
        case="individual",
        agency="G01.999.901",
        channel="online",
        submitted_at=AT,
        attachments=tuple(
            AttachmentReference(attachment_id=key, component="proof", sha256=SHA256) for key in attachment_ids
        ),
    )


def order(one: Attachment) -> ScanOrder:
    return ScanOrder(dossier_id=DOSSIER, attachment_id=one.id, size=10)


def asked_about(*attachments: Attachment) -> AttachmentCheckRequested:
    return AttachmentCheckRequested(
        dossier_id=DOSSIER,
        attachments=tuple(
            AttachmentReference(attachment_id=one.id, component="proof", sha256=SHA256) for one in attachments
        ),
        requested_at=AT,
    )


def test_the_events_name_the_draft_whose_files_they_take() -> None:
    events: dict[type[Event], Event] = {
        DossierSubmitted: submitted(),
        AttachmentCheckRequested: asked_about(attachment()),
    }
    assert {route.event_type for route in inbound.routes.values()} == set(events)
    assert all(route.of(events[route.event_type]) == DOSSIER for route in inbound.routes.values())
    assert inbound.topics == ("attachment.check-requests.v1", "dossier.lifecycle.v1")


def test_papers_that_are_waited_for_are_told_again_as_they_are() -> None:
    stored, gone = attachment(), attachment()
    scanned = replace(attachment(), state="scanned", verdict="clean", scanned_at=AT)
    files = files_of(stored, scanned)
    told = list(answer_again(asked_about(stored, scanned, gone), files))
    assert [type(one).__name__ for one in told] == [
        *("AttachmentStored", "Work"),
        *("AttachmentStored", "AttachmentScanned"),
        "AttachmentExpired",
    ]
    assert told[3] == AttachmentScanned(dossier_id=DOSSIER, attachment_id=scanned.id, verdict="clean", scanned_at=AT)


def test_each_file_is_told_as_stored_and_its_scan_ordered_one_after_the_other() -> None:
    one, other = attachment(), attachment()
    stored, first, _, second = bind_attachments(submitted(one.id, other.id), files_of(one, other))
    assert stored == AttachmentStored(
        dossier_id=DOSSIER,
        attachment_id=one.id,
        component="proof",
        sha256=SHA256,
        size=10,
        media_type="image/png",
        stored_at=AT,
    )
    assert first == Work("scan", f"{DOSSIER}:scan", DOSSIER, order(one))
    assert second == Work("scan", f"{DOSSIER}:scan", DOSSIER, order(other))


def test_a_file_that_is_gone_is_told_as_expired() -> None:
    gone = uuid4()
    assert list(bind_attachments(submitted(gone), DraftFiles(DOSSIER))) == [
        AttachmentExpired(dossier_id=DOSSIER, attachment_id=gone, expired_at=AT)
    ]


def test_the_same_dossier_twice_changes_nothing_more() -> None:
    one, gone = attachment(), uuid4()
    files, event = files_of(one), submitted(one.id, gone)
    assert len(list(bind_attachments(event, files))) == 3
    assert list(bind_attachments(event, files)) == []


def test_a_file_named_twice_is_bound_once() -> None:
    one = attachment()
    assert len(list(bind_attachments(submitted(one.id, one.id), files_of(one)))) == 2


def test_a_dossier_without_papers_leads_to_nothing() -> None:
    assert list(bind_attachments(submitted(), DraftFiles(DOSSIER))) == []


def test_a_verdict_is_told_once_with_its_own_instant() -> None:
    one = attachment()
    files = files_of(one)
    list(bind_attachments(submitted(one.id), files))
    later = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
    assert list(record_verdict(order(one), ScanResult("clean", later), files)) == [
        AttachmentScanned(dossier_id=DOSSIER, attachment_id=one.id, verdict="clean", scanned_at=later)
    ]
    assert list(record_verdict(order(one), ScanResult("infected", later), files)) == []


def test_content_that_is_gone_is_told_as_expired_once() -> None:
    one = attachment()
    files = files_of(one)
    list(bind_attachments(submitted(one.id), files))
    assert list(record_verdict(order(one), ScanResult(None, AT), files)) == [
        AttachmentExpired(dossier_id=DOSSIER, attachment_id=one.id, expired_at=AT)
    ]
    assert list(record_verdict(order(one), ScanResult(None, AT), files)) == []


def test_a_scan_given_up_leaves_the_verdict_open() -> None:
    one = attachment()
    files = files_of(one)
    list(bind_attachments(submitted(one.id), files))
    assert list(leave_open(order(one), "expired", files)) == []
    assert files.attachments[one.id].verdict is None
