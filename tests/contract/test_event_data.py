"""The data of an event is read as the model of its type or refused by its fields; what is public is canonical JSON."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from hoso_contracts import BadRecord, CloudEvent, TooLarge, UnknownMajor, WrongShape, WrongTopic, parse
from hoso_contracts.canonical import NotCanonical, canonical_json
from support.contract_files import EXAMPLES, Example, enveloped

NUMBER = "003199000001"
ACCEPTED = next(example for example in EXAMPLES if example.name == "hoso.dossier.accepted.v1")
EVENT = enveloped(ACCEPTED.event)


def wrong(**changed: Any) -> CloudEvent:
    """A good event whose data has some values changed."""
    return replace(EVENT, data=json.dumps({**ACCEPTED.data, **changed}).encode())


def test_an_unknown_type_is_passed_over() -> None:
    assert parse(replace(EVENT, type="hoso.dossier.praised.v1")) is None
    assert parse(replace(EVENT, type="com.example.thing")) is None


def test_another_major_version_is_not_passed_over() -> None:
    with pytest.raises(UnknownMajor) as caught:
        parse(replace(EVENT, type="hoso.dossier.accepted.v2"))
    assert caught.value.known == "hoso.dossier.accepted.v1"


def test_a_known_type_on_another_topic_is_refused() -> None:
    with pytest.raises(WrongTopic) as caught:
        parse(EVENT, "identity.verifications.v1")
    assert caught.value.belongs == "dossier.lifecycle.v1"


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (wrong(code=NUMBER, status=NUMBER), ("code", "status")),
        (wrong(due_at="2026-11-27"), ("due_at",)),
        (wrong(accepted_at="0001-01-01T00:00:00Z", due_at="9999-12-31T17:00:00Z"), ("accepted_at", "due_at")),
        (wrong(dossier_id=str(UUID(int=1))), ("dossier_id",)),
        (replace(EVENT, subject=str(UUID(int=1))), ("subject",)),
        (replace(EVENT, data=b""), ("$",)),
        (replace(EVENT, data=b'"003199000001"'), ("$",)),
        (replace(EVENT, data=EVENT.data.replace(b"{", b'{"status":2,', 1)), ("$",)),
        (replace(EVENT, data=EVENT.data.replace(b"{", b'{"x":NaN,', 1)), ("$",)),
    ],
)
def test_wrong_data_is_refused_by_its_fields(event: CloudEvent, fields: tuple[str, ...]) -> None:
    with pytest.raises(WrongShape) as caught:
        parse(event)
    assert caught.value.fields == fields
    assert NUMBER not in f"{caught.value}{caught.value!r}"
    assert isinstance(caught.value, BadRecord)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_list_of_wrong_items_is_refused_by_its_first(example: Example) -> None:
    for name in (name for name, value in example.data.items() if isinstance(value, list)):
        data = json.dumps({**example.data, name: [{}] * 15_000}).encode()
        with pytest.raises(WrongShape) as caught:
            parse(replace(enveloped(example.event), data=data))
        assert {field.split(".")[1] for field in caught.value.fields} == {"0"}


def test_data_has_at_most_64_kib() -> None:
    data = EVENT.data[:-1] + b',"later":"%s"}'
    largest = data % (b"x" * (65_536 - len(data) + 2))
    assert len(largest) == 65_536
    assert parse(replace(EVENT, data=largest)) == ACCEPTED.event
    with pytest.raises(TooLarge) as caught:
        parse(replace(EVENT, data=largest.replace(b"xx", b"xxx", 1)))
    assert caught.value.reason == "more than 65536 bytes of hoso.dossier.accepted.v1"
    assert parse(replace(EVENT, type="com.example.thing", data=b"x" * 300_000)) is None


def test_canonical_json_is_that_of_the_rfc() -> None:
    """RFC 8785, 3.2.3: names in the order of their UTF-16 code units."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = json.loads(canonical_json(dict.fromkeys(names)))
    assert list(written) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical_json({"b": [1, True, None], "a": '"\u001f€'}) == '{"a":"\\"\\u001f€","b":[1,true,null]}'.encode()


def deep() -> Any:
    nested: Any = []
    for _ in range(70):
        nested = [nested]
    return nested


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53 + 1, "\ud800", {1: 2}, {"a": b"x"}, deep()])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical):
        canonical_json(value)
