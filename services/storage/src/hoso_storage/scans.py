"""The work of scanning: looks whether the object is there, asks the scanner; outside any transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hoso_chassis.work import Kind
from hoso_storage.domain import DraftFiles
from hoso_storage.handlers import SCAN, ScanOrder, ScanResult, leave_open, record_verdict
from hoso_storage.objects import ObjectGone, Objects
from hoso_storage.policy import SCANS
from hoso_storage.scanner import Scanner

MAX_AGE: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Scans:
    """Performs scans with the parts at hand."""

    objects: Objects
    scanner: Scanner
    clock: Callable[[], datetime]

    async def perform(self, order: ScanOrder) -> ScanResult:
        """Return the verdict, or that the content is gone (also when it is not as long as what was signed for).

        Raises:
            TargetUnavailable, TargetRefused: as policy.SCANS says.
        """
        try:
            return ScanResult(await self._verdict(order), self.clock())
        except ObjectGone:
            return ScanResult(None, self.clock())
        except tuple(SCANS) as error:
            means = next(meaning for kind, meaning in SCANS.items() if isinstance(error, kind))
            raise means(type(error).__name__) from error

    async def _verdict(self, order: ScanOrder) -> str | None:
        if await self.objects.size(order.attachment_id) != order.size:
            return None
        return await self.scanner.scan(self.objects.read(order.attachment_id))

    def kind(self) -> Kind[ScanOrder, ScanResult, DraftFiles]:
        """Return it as a kind of work: one file of a dossier at a time, a file at most 60 s."""
        return Kind(
            name=SCAN,
            target="scanner",
            payload=ScanOrder,
            perform=self.perform,
            record=record_verdict,
            give_up=leave_open,
            timeout=60.0,
            max_age=MAX_AGE,
            concurrency=4,
        )
