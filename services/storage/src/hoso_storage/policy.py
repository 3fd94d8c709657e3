"""What a failure means in storage: two tables, tested row by row. A file that is gone is a fact and no failure."""

from collections.abc import Mapping
from typing import Final

from hoso_chassis.policy import Policy, Table
from hoso_chassis.work import TargetRefused, TargetUnavailable
from hoso_storage.objects import ObjectsUnavailable
from hoso_storage.scanner import ScannerRefused, ScannerUnavailable

RECORDS: Final = Policy()
"""Records from Kafka: the chassis' own rows, because handlers here do no I/O and refuse nothing."""

SCANS: Final[Mapping[type[Exception], type[Exception]]] = {
    ObjectsUnavailable: TargetUnavailable,
    ScannerUnavailable: TargetUnavailable,
    ScannerRefused: TargetRefused,
}
"""A scan that failed: again later with growing delays, or given up at once. Anything else is tried again, as a bug."""

TABLES: Final = (
    RECORDS.table(),
    Table("a scan", {cls.__name__: means for cls, means in SCANS.items()}, TargetUnavailable),
)
"""All of it, as the README shows it."""
