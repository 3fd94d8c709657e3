"""Instants and dates as text: RFC 3339 in, UTC out; it knows no clock."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)
# Every time zone has a date for what lies between; and drivers read the calendar's very ends as "for ever".
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_instant(text: str) -> datetime:
    """Read an RFC 3339 instant with its offset; digits beyond the microsecond are cut off.

    Raises:
        ValueError: It is no such instant, has no offset, or lies within a day of the calendar's ends.
    """
    if not _INSTANT.fullmatch(text):
        raise ValueError("not an RFC 3339 instant with an offset")
    return _in_utc(datetime.fromisoformat(text.upper()))


def write_instant(instant: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, with "Z"; the fraction only where there is one.

    Raises:
        ValueError: The instant has no offset.
    """
    return _in_utc(instant).isoformat()[:-6] + "Z"


def _in_utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("an instant needs an offset")
    if not _FIRST < instant < _LAST:
        raise ValueError("the instant has no date in some time zones")
    return instant.astimezone(UTC)


def _instant(value: object) -> object:
    if isinstance(value, str):
        return read_instant(value)
    return _in_utc(value) if isinstance(value, datetime) else value


def _iso_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _DATE.fullmatch(value):
        raise ValueError("not an ISO 8601 date")
    return date.fromisoformat(value)  # what comes out of a validator is checked strictly: a text would be no date


# pydantic alone would read the text "17" as seconds since 1970.
Instant = Annotated[datetime, BeforeValidator(_instant)]
"""An instant: RFC 3339 with an offset on input, UTC afterwards and on the wire ("Z"). Naive ones are refused."""

IsoDate = Annotated[date, BeforeValidator(_iso_date)]
"""A calendar date, ISO 8601 "yyyy-mm-dd"."""
