"""The work of scanning and storage's failure table, row by row."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hoso_chassis.policy import Failure
from hoso_chassis.work import TargetRefused, TargetUnavailable
from hoso_storage.handlers import ScanOrder, ScanResult
from hoso_storage.objects import NeverStored, ObjectGone, ObjectsInMemory, ObjectsUnavailable, PerhapsStored, drain
from hoso_storage.policy import RECORDS, SCANS
from hoso_storage.scanner import NotScanned, Scanner, ScannerRefused, ScannerUnavailable
from hoso_storage.scans import Scans

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
ORDER = ScanOrder(dossier_id=uuid4(), attachment_id=uuid4(), size=3)


@dataclass
class Saying:
    """A scanner that reads the file and says what it was told to, or raises it."""

    verdict: str | Exception
    read: list[bytes] = field(default_factory=list[bytes])

    async def scan(self, content: AsyncGenerator[bytes]) -> str:
        self.read.append(await drain(content))
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


def scans(scanner: Scanner, content: bytes | None = b"abc", refuse: Exception | None = None) -> Scans:
    objects = ObjectsInMemory({} if content is None else {ORDER.attachment_id: content}, refuse)
    return Scans(objects, scanner, lambda: AT)


async def test_the_scanner_reads_the_content_and_its_verdict_counts() -> None:
    scanner = Saying("clean")
    assert await scans(scanner).perform(ORDER) == ScanResult("clean", AT)
    assert scanner.read == [b"abc"]


async def test_without_a_scanner_it_is_said_that_nobody_looked() -> None:
    assert await scans(NotScanned()).perform(ORDER) == ScanResult("not-scanned", AT)


@pytest.mark.parametrize("content", [None, b"ab", b"abcd"])
async def test_content_that_is_gone_or_of_another_size_has_no_verdict(content: bytes | None) -> None:
    assert await scans(Saying("clean"), content).perform(ORDER) == ScanResult(None, AT)


async def test_content_that_goes_while_it_is_read_has_no_verdict() -> None:
    assert await scans(Saying(ObjectGone())).perform(ORDER) == ScanResult(None, AT)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (ObjectsUnavailable(), TargetUnavailable),
        (NeverStored(), TargetUnavailable),
        (PerhapsStored(), TargetUnavailable),
        (ScannerUnavailable(), TargetUnavailable),
        (ScannerRefused(), TargetRefused),
    ],
)
async def test_each_row_of_the_failure_table(failure: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected):
        await scans(Saying(failure)).perform(ORDER)


async def test_an_object_store_that_is_away_is_tried_again() -> None:
    with pytest.raises(TargetUnavailable):
        await scans(Saying("clean"), refuse=ObjectsUnavailable()).perform(ORDER)


async def test_a_bug_in_a_scanner_is_no_verdict() -> None:
    with pytest.raises(ZeroDivisionError):
        await scans(Saying(ZeroDivisionError())).perform(ORDER)


def test_the_table_has_no_row_that_is_not_tested() -> None:
    assert set(SCANS) == {ObjectsUnavailable, ScannerUnavailable, ScannerRefused}
    assert RECORDS.rows == {}
    assert RECORDS.classify(ObjectsUnavailable()) is Failure.BUG


def test_one_file_of_a_dossier_is_scanned_at_a_time_and_never_given_up_early() -> None:
    kind = scans(NotScanned()).kind()
    assert (kind.name, kind.payload, kind.max_age.days, kind.at_most_once) == ("scan", ScanOrder, 3, False)
