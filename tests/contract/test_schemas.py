"""Schema and model say the same about every example, and about everything that is nearly one."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import ValidationError

from hoso_contracts import TOPICS, CloudEvent, decode, encode, parse
from hoso_contracts.canonical import canonical_json
from hoso_contracts.instant import read_instant
from hoso_contracts.payload import EVENT_LIMIT_BYTES, dataschema
from hoso_dossier.identity_numbers import Profile, find_flaws
from hoso_dossier.phones import read_mobile
from support.contract_files import EXAMPLES, MODELS, PACKAGE, SCHEMA_FILES, Example, enveloped, fields_of

formats = FormatChecker(["uuid", "date"])

every_schema = pytest.mark.parametrize("file", SCHEMA_FILES, ids=lambda file: file.stem)
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


@formats.checks("date-time", raises=ValueError)
def is_instant(value: object) -> bool:
    """Tell whether it is an instant; what is no text is judged by the type."""
    return not isinstance(value, str) or bool(read_instant(value))


def schema_of(event_type: str) -> dict[str, Any]:
    return json.loads((PACKAGE / "schemas" / f"{event_type}.json").read_bytes())


def fits_schema(event_type: str, data: Any) -> bool:
    validator: Any = Draft202012Validator(schema_of(event_type), format_checker=formats)
    return validator.is_valid(data)


def fits_model(event_type: str, data: object) -> bool:
    try:
        MODELS[event_type].model_validate_json(json.dumps(data))
    except ValidationError:
        return False
    return True


def structured(event: CloudEvent) -> bytes:
    """The event as a producer in structured mode may write it: names in any order, white space, escapes."""
    texts = {
        "id": str(event.id),
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "dataschema": event.dataschema,
        "datacontenttype": "application/json",
        "partitionkey": event.partitionkey,
        "correlationid": str(event.correlationid),
        "causationid": str(event.causationid),
        "sequence": event.sequence and f"{event.sequence:012}",
    }
    backwards = dict(reversed(json.loads(event.data).items()))
    return json.dumps({"specversion": "1.0", **texts, "data": backwards}, indent=1).encode()


@every_schema
def test_a_schema_is_one_of_2020_12_and_has_its_own_name(file: Path) -> None:
    schema = schema_of(file.stem)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["$id"] == dataschema(file.stem)


@every_schema
def test_a_schema_marks_the_same_personal_data_as_the_model(file: Path) -> None:
    marks = {
        path: mark.data_class
        for path, field in fields_of(MODELS[file.stem])
        for mark in field.metadata
        if hasattr(mark, "data_class")
    }
    properties = schema_of(file.stem)["properties"]
    assert {name: one["x-personal-data"] for name, one in properties.items() if "x-personal-data" in one} == marks
    assert file.read_text().count("x-personal-data") == len(marks)


@every_example
def test_an_example_fits_schema_and_model(example: Example) -> None:
    assert fits_schema(example.type, example.data)
    assert fits_model(example.type, example.data)


@every_example
def test_an_example_is_what_its_producer_would_write(example: Example) -> None:
    cloud_event = enveloped(example.event)
    assert json.loads(cloud_event.data) == example.data
    assert len(cloud_event.data) < EVENT_LIMIT_BYTES
    if TOPICS[example.event.topic].public:
        assert cloud_event.data == canonical_json(example.data)


@every_example
def test_an_example_survives_binary_mode(example: Example) -> None:
    cloud_event = enveloped(example.event)
    decoded = decode(*encode(cloud_event))
    assert decoded == cloud_event
    assert parse(decoded, example.event.topic) == example.event


@every_example
def test_an_example_survives_structured_mode(example: Example) -> None:
    cloud_event = enveloped(example.event)
    record = (cloud_event.partitionkey.encode(), structured(cloud_event))
    decoded = decode(*record, [("content-type", b"application/cloudevents+json; charset=utf-8")])
    assert parse(decoded, example.event.topic) == example.event
    if TOPICS[example.event.topic].public:
        assert decoded == cloud_event


@every_example
def test_an_unknown_field_is_ignored_by_both(example: Example) -> None:
    data = {**example.data, "comes_in_a_later_version": {"more": [1]}}
    assert fits_schema(example.type, data)
    assert fits_model(example.type, data)


@every_example
def test_what_is_nearly_an_example_is_refused_by_both_or_by_none(example: Example) -> None:
    refused = 0
    for data in nearly(example.data):
        fits = fits_schema(example.type, data)
        assert fits_model(example.type, data) == fits, data
        refused += not fits
    assert refused > len(example.data)


def nearly(data: dict[str, Any]) -> list[Any]:
    """The data with one field left out or holding something else, at every depth."""
    others: list[Any] = [
        None,
        True,
        0,
        -1,
        3.5,
        "",
        "x y",
        "\u0000",
        "2026-11-24T02:15:00",
        "2026-02-30",
        "a" * 400,
        [],
        {},
    ]
    found: list[Any] = [[], None, "text"]
    for name, value in data.items():
        found.append({key: one for key, one in data.items() if key != name})
        found += [{**data, name: other} for other in others]
        if name == "parameters":
            found += [{**data, name: other} for other in nearly(value)]
        if name == "attachments" and value:
            found += [{**data, name: [other]} for other in nearly(value[0])]
    return found


@every_example
def test_an_example_tells_of_nobody_who_exists(example: Example) -> None:
    data = example.data
    if "identity_number" in data:
        born = date.fromisoformat(data["date_of_birth"])
        assert list(find_flaws(data["identity_number"], born, None, Profile.SYNTHETIC)) == []
    if data.get("channel") == "email" and "recipient" in data:
        assert data["recipient"].endswith(("@example.com", ".example"))
    if data.get("channel") == "sms" and "recipient" in data:
        assert data["recipient"] == read_mobile(data["recipient"])
        assert data["recipient"].startswith("+8495")  # numbers of a carrier that is no more


@every_example
def test_an_example_is_about_a_dossier_of_the_test_unit(example: Example) -> None:
    assert example.data.get("code", "G01.999").startswith("G01.999")
    assert example.data.get("parameters", {}).get("dossier_code", "G01.999").startswith("G01.999")
