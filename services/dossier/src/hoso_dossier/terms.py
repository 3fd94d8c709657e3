"""When a result is due: working days are counted Monday to Friday; public holidays are not known yet."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from hoso_dossier.codes import VIET_NAM

END_OF_DAY: Final = time(17, 0)  # when offices close, Viet Nam
_SATURDAY: Final = 5


def due_after(accepted_at: datetime, working_days: int) -> datetime:
    """Return the end of the last working day of a term, as a UTC instant.

    The day of acceptance does not count; a term begins with the first working day after it.
    """
    day = accepted_at.astimezone(VIET_NAM).date()
    while working_days > 0:
        day += timedelta(days=1)
        working_days -= day.weekday() < _SATURDAY
    return datetime.combine(day, END_OF_DAY, VIET_NAM).astimezone(UTC)
