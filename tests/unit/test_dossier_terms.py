"""When a result is due."""

from datetime import UTC, datetime

import pytest

from hoso_dossier.codes import VIET_NAM
from hoso_dossier.terms import due_after


def viet_nam(day: int, hour: int = 9) -> datetime:
    """An instant of November 2026, whose 2nd is a Monday."""
    return datetime(2026, 11, day, hour, tzinfo=VIET_NAM)


@pytest.mark.parametrize(
    ("accepted", "due"),
    [
        (viet_nam(2), 5),  # Monday → Thursday
        (viet_nam(3), 6),  # Tuesday → Friday
        (viet_nam(4), 9),  # Wednesday → Monday
        (viet_nam(6, 23), 11),  # late on Friday → Wednesday
        (viet_nam(7), 11),  # Saturday → Wednesday
        (viet_nam(8), 11),  # Sunday → Wednesday
    ],
)
def test_three_working_days_end_at_17_00_in_viet_nam(accepted: datetime, due: int) -> None:
    assert due_after(accepted, 3) == datetime(2026, 11, due, 10, 0, tzinfo=UTC)


def test_the_day_of_acceptance_is_the_one_in_viet_nam() -> None:
    monday_evening_utc = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)  # 01:00 on Tuesday
    assert due_after(monday_evening_utc, 1) == datetime(2026, 11, 4, 10, 0, tzinfo=UTC)
