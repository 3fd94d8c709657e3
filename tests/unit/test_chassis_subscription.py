"""A record as the client hands it over has a time that a calendar has."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka import ConsumerRecord

from hoso_chassis.subscription import record_of


@pytest.mark.parametrize(
    ("milliseconds", "time"),
    [
        (1_764_095_991_123, datetime(2025, 11, 25, 18, 39, 51, 123_000, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1970, 1, 1, tzinfo=UTC)),  # "no timestamp"
        (2**63 - 1, datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC)),
    ],
)
def test_no_time_that_kafka_may_hand_over_halts_the_reader(milliseconds: int, time: datetime) -> None:
    handed = SimpleNamespace(topic="t", partition=3, offset=5, timestamp=milliseconds, key=None, value=b"", headers=[])
    assert record_of(cast("ConsumerRecord", handed)).time == time
