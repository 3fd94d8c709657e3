"""The composition root of storage: the only place where its parts meet; importing it opens nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from hoso_chassis.database import Database, utc_now
from hoso_chassis.service import Parts, Periodic, Service
from hoso_chassis.target_limits import Limits as ScanLimits
from hoso_storage.api import Reading, attachments_router
from hoso_storage.domain import DraftFiles
from hoso_storage.handlers import SCAN, inbound
from hoso_storage.housekeeping import EVERY, Housekeeping
from hoso_storage.intake import Intake, Limits
from hoso_storage.objects import Objects, S3Objects
from hoso_storage.places import Pace, Places
from hoso_storage.policy import RECORDS
from hoso_storage.receipts import NoReceiptKey, Receipts
from hoso_storage.scanner import NotScanned, Scanner
from hoso_storage.scans import MAX_AGE, Scans
from hoso_storage.settings import StorageSettings
from hoso_storage.store import AttachmentStore


def build(
    settings: StorageSettings,
    *,
    objects: Objects | None = None,
    scanner: Scanner | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Parts[DraftFiles]:
    """Put the parts together; a test hands in others.

    Raises:
        SystemExit: the key that signs receipts cannot be used.
    """
    try:
        receipts = Receipts.load(settings.receipt_private_key_file)
    except NoReceiptKey as error:
        raise SystemExit(f"storage: {error}") from None
    database = Database(
        settings.database_url.get_secret_value(), "/hoso/storage", clock=clock, max_ages={SCAN: MAX_AGE}
    )
    objects = objects or _bucket(settings)
    intake = Intake(database, objects, Limits(settings.unbound_files_per_draft, settings.files_per_subject_per_day))
    reading = Reading(_places(settings), settings.upload_idle_seconds, settings.upload_seconds)
    scans = Scans(objects, scanner or NotScanned(), clock)
    return Parts(
        database=database,
        store=AttachmentStore(),
        inbound=inbound,
        policy=RECORDS,
        kinds=[replace(scans.kind(), limits=ScanLimits(at_once=settings.scans_at_once))],
        routers=[attachments_router(database, objects, intake, receipts, reading)],
        periodic=[Periodic("expired-files", EVERY, Housekeeping(database, objects).run)],
        pings={"objects": objects.ping},
        resources=[objects],
    )


def _places(settings: StorageSettings) -> Places:
    return Places(
        total=settings.uploads_at_once,
        per_subject=settings.uploads_at_once_per_subject,
        waiting=settings.uploads_waiting,
        wait_seconds=settings.upload_wait_seconds,
        pace=Pace(settings.upload_least_rate, settings.upload_pace_seconds),
    )


def _bucket(settings: StorageSettings) -> S3Objects:
    return S3Objects(
        endpoint=settings.s3_endpoint,
        access_key=settings.s3_access_key.get_secret_value(),
        secret_key=settings.s3_secret_key.get_secret_value(),
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        threads=settings.s3_threads,
    )


service = Service("storage", "0.1.0", StorageSettings, build, ["hoso_storage.sql"])
