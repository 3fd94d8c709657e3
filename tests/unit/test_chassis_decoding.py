"""Whatever lies in a topic, reading it ends in an event, in passing it over or in a dead letter that holds no value."""

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_chassis.dead_letters import DeadLetter
from hoso_chassis.decoding import PassedOver, Taken, read
from hoso_chassis.inbound import Inbound
from hoso_chassis.records import Record
from hoso_population_mock.people import person_at
from support.counting import Counting, record, verified
from support.record_consumers import PLACES, Place, Subject
from support.record_ends import PASSED_OVER, TAKEN, End
from support.record_matrix import kinds_at

INBOUND = Counting().inbound
GOOD = record(verified(), 0)
CANARY = "Kanarische Finkenart"

names = st.sampled_from([name for name, _ in GOOD.headers] + ["ce_", "traceparent"]) | st.text(max_size=8)
values = st.none() | st.binary(max_size=40) | st.sampled_from([value for _, value in GOOD.headers])
inner = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(CANARY),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=8) | st.just(CANARY), some, max_size=3),
    max_leaves=8,
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A good record with some of its parts replaced by anything."""
    headers = [pair for pair in GOOD.headers if draw(st.integers(0, 9))]
    headers += draw(st.lists(st.tuples(names, values), max_size=3))
    if draw(st.booleans()):
        headers = [
            ("content-type", draw(st.sampled_from([b"application/cloudevents+json", b"application/CloudEvents"])))
        ]
    data: dict[str, Any] = json.loads(GOOD.value or b"")
    data |= draw(st.dictionaries(st.sampled_from([*data, "id", "type", "data", "specversion"]), inner, max_size=3))
    value = draw(st.none() | st.binary(max_size=40) | st.just(json.dumps(data).encode()) | st.just(GOOD.value))
    return replace(GOOD, key=draw(st.just(GOOD.key) | values), value=value, headers=tuple(headers))


@given(records())
def test_every_record_ends_as_one_of_three_and_tells_no_value(odd: Record) -> None:
    end = read(odd, INBOUND)
    assert isinstance(end, Taken | PassedOver | DeadLetter)
    if isinstance(end, DeadLetter):
        assert end.reason != "not-readable", end.detail
        assert CANARY not in end.detail


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_kind_of_odd_record_is_read_as_the_matrix_says(place: Place) -> None:
    """The ends that need neither broker nor database; all of them are tried in tests/e2e/test_record_matrix.py."""
    inbound: Inbound[Any] = importlib.import_module(f"hoso_{place.service}.handlers").inbound
    subject, known = Subject(person_at(7)), Subject(person_at(8))
    for kind in kinds_at(place.service, place.topic):
        for raw, end in kind.records(place.about(subject, known)):
            if end.outcome != "unread":
                odd = Record(place.topic, 0, 0, GOOD.time, raw.key, raw.value, raw.headers)
                assert as_told(read(odd, inbound)) == as_read(end), kind.name


def as_told(found: Taken[Any] | PassedOver | DeadLetter) -> End:
    match found:
        case DeadLetter():
            return End("dead letter", found.reason, found.detail)
        case PassedOver():
            return PASSED_OVER
        case Taken():
            return TAKEN


def as_read(end: End) -> End:
    """What is known of an end when the record has been read, but nothing looked up and no handler run."""
    return TAKEN if end.outcome == "duplicate" or end.reason in {"no-such-aggregate", "handler-failed"} else end
