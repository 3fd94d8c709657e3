"""Good records that come at an odd time, more than once, in another order, or in batches of an odd make."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from uuid_utils.compat import uuid7

from hoso_contracts.envelope import encode
from support.raw_records import How, Raw
from support.record_ends import DUPLICATE, PASSED_OVER, TAKEN, UNREAD, End, Good, Kind, no_event, wrong_shape

EARLY: Final = "0001-01-02T00:00:01Z"
LATE: Final = "9999-12-30T23:59:58.999999Z"
LONG_AGO: Final = "1970-01-01T00:00:00Z"  # long before what the inbox remembers by the week
TOO_EARLY: Final = "0001-01-01T00:00:00Z"
TOO_LATE: Final = "9999-12-31T23:59:59.999999Z"
YEAR_9999: Final = 253_402_300_799_000  # in Kafka's milliseconds


def _at(instant: str) -> Callable[[Good], Raw]:
    return lambda good: good.raw.but(time=instant.encode())


def _stamped(milliseconds: int) -> Callable[[Good], Raw]:
    return lambda good: replace(good.raw, time=milliseconds)


def _telling(instant: str) -> Callable[[Good], Raw]:
    """With this in the place of every instant of the data."""

    def told(data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: instant if name.endswith("_at") else inner(value) for name, value in data.items()}

    def inner(value: Any) -> Any:
        return told(cast("Mapping[str, Any]", value)) if isinstance(value, dict) else value

    return lambda good: good.saying(told(good.data))


def _written(how: How) -> Callable[[Good], Raw]:
    return lambda good: replace(good.raw, how=how)


def _swapped(good: Good) -> list[Raw]:
    """What comes after it, if there is such an event, then it; else two with their sequences the wrong way round."""
    if good.service == "storage":
        return [Raw.of(encode(replace(good.unheard, sequence=2))), good.enveloped(sequence=1)]
    return [good.enveloped(sequence=2), good.enveloped(sequence=1, id=uuid7())]


def _beside_an_aborted_one(good: Good) -> list[Raw]:
    return [replace(good.enveloped(id=uuid7()), how="aborted"), good.raw]


def _contradicting(good: Good) -> Raw:
    assert good.contradiction is not None
    return Raw.of(encode(good.contradiction))


def _about_a_stranger(good: Good) -> Raw:
    assert good.stranger is not None
    return Raw.of(encode(good.stranger))


DELIVERIES: Final = (
    Kind("in a transaction that is committed", TAKEN, _written("committed")),
    Kind("in a transaction that is aborted", UNREAD, _written("aborted")),
    Kind("behind a transaction that is aborted", (UNREAD, TAKEN), _beside_an_aborted_one),
    *(Kind(f"a batch compressed with {how}", TAKEN, _written(how)) for how in ("gzip", "lz4", "snappy", "zstd")),
    Kind("ce_time in the year 1", TAKEN, _at(EARLY)),
    Kind("ce_time in 1970", TAKEN, _at(LONG_AGO)),
    Kind("ce_time in the year 9999", TAKEN, _at(LATE)),
    Kind("ce_time at the calendar's beginning", no_event("not-an-instant: time"), _at(TOO_EARLY)),
    Kind("ce_time at the calendar's end", no_event("not-an-instant: time"), _at(TOO_LATE)),
    Kind("Kafka's time in 1970", TAKEN, _stamped(0)),
    Kind("Kafka's time in the year 9999", TAKEN, _stamped(YEAR_9999)),
    Kind("Kafka's time after all calendars", TAKEN, _stamped(2**63 - 1)),
    Kind("data that happened in the year 1", TAKEN, _telling(EARLY)),
    Kind("data that happened in the year 9999", TAKEN, _telling(LATE)),
    Kind("data that happened at the calendar's beginning", wrong_shape("{instants}"), _telling(TOO_EARLY)),
    Kind("data that happened at the calendar's end", wrong_shape("{instants}"), _telling(TOO_LATE)),
    Kind("the same record twice", (TAKEN, DUPLICATE), lambda good: [good.raw, good.raw]),
    Kind("the same record twice, from 1970", (TAKEN, DUPLICATE), lambda good: [_at(LONG_AGO)(good)] * 2),
    Kind("the same id with another time", (TAKEN, TAKEN), lambda good: [good.raw, _at(LONG_AGO)(good)]),
    Kind("the same said again in a new event", (TAKEN, TAKEN), lambda good: [good.raw, good.enveloped(id=uuid7())]),
    Kind("the second before the first", (TAKEN, TAKEN), _swapped, {"storage": (PASSED_OVER, TAKEN)}),
    Kind(
        "about a dossier that nobody knows",
        End("dead letter", "no-such-aggregate"),
        _about_a_stranger,
        tried_at=("dossier",),
    ),
    Kind(
        "what the reader knows to be impossible",
        End("dead letter", "handler-failed", "AnotherDossier"),
        _contradicting,
        {
            "dossier attachment.lifecycle.v1": End("dead letter", "handler-failed", "UnknownAttachment"),
            "dossier notification.deliveries.v1": End("dead letter", "handler-failed", "UnknownNotification"),
        },
        tried_at=(
            "identity",
            "notify",
            "dossier attachment.lifecycle.v1",
            "dossier notification.deliveries.v1",
        ),
    ),
)
