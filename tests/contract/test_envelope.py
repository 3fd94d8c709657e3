"""The envelope takes what CloudEvents allows, refuses the rest by code and place, and repeats nothing sent."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from hoso_contracts import NotACloudEvent, decode, encode
from support.contract_files import EXAMPLES, enveloped

NUMBER = "003199000001"
ACCEPTED = next(example for example in EXAMPLES if example.name == "hoso.dossier.accepted.v1")
EVENT = enveloped(ACCEPTED.event)
RECORD = encode(EVENT)
STRUCTURED = [("content-type", b"application/cloudevents+json")]

Headers = list[tuple[str, bytes | None]]


def headers(**changed: bytes | None) -> Headers:
    """The headers of a good record with some changed; None leaves one out."""
    kept: Headers = [(name, value) for name, value in RECORD.headers if name not in changed]
    return kept + [(name, value) for name, value in changed.items() if value is not None]


def refusal(key: bytes | None, value: bytes | None, given: Headers) -> tuple[str, str]:
    with pytest.raises(NotACloudEvent) as caught:
        decode(key, value, given)
    assert NUMBER not in f"{caught.value}{caught.value!r}"
    assert caught.value.__cause__ is None
    return caught.value.code, caught.value.field


def in_json(**changed: Any) -> bytes:
    """A good CloudEvent in structured mode with some members changed; None is written as null."""
    members = {name[3:]: value.decode() for name, value in RECORD.headers if name.startswith("ce_")}
    return json.dumps({**members, "data": json.loads(RECORD.value), **changed}).encode()


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"ce_id": None}, ("missing", "id")),
        ({"ce_source": None}, ("missing", "source")),
        ({"ce_type": None}, ("missing", "type")),
        ({"ce_subject": None}, ("missing", "subject")),
        ({"ce_time": None}, ("missing", "time")),
        ({"ce_specversion": None}, ("missing", "specversion")),
        ({"ce_specversion": b"0.3"}, ("unsupported", "specversion")),
        ({"ce_id": NUMBER.encode()}, ("not-a-uuid", "id")),
        ({"ce_correlationid": b"{01a20b55-c4a0-7000-8000-000000000001}"}, ("not-a-uuid", "correlationid")),
        ({"ce_causationid": b"urn:uuid:01a20b55-c4a0-7000-8000-000000000001"}, ("not-a-uuid", "causationid")),
        ({"ce_time": b"2026-11-24T02:15:00"}, ("not-an-instant", "time")),
        ({"ce_time": b"2026-02-30T02:15:00Z"}, ("not-an-instant", "time")),
        ({"ce_time": b"9999-12-31T23:59:59-23:59"}, ("not-an-instant", "time")),
        ({"ce_time": b"9999-12-31T23:59:59.999999Z"}, ("not-an-instant", "time")),  # PostgreSQL's drivers: "infinity"
        ({"ce_time": b"0001-01-01T00:00:00Z"}, ("not-an-instant", "time")),
        ({"ce_time": b"1795485600"}, ("not-an-instant", "time")),
        ({"ce_sequence": b"7"}, ("malformed", "sequence")),
        ({"ce_replayid": "Nguyễn Thị Mẫu".encode()}, ("malformed", "replayid")),
        ({"ce_replayid": b"r" * 65}, ("malformed", "replayid")),
        ({"ce_sequence": b"000000000000"}, ("malformed", "sequence")),
        ({"ce_sequence": "٠٠٠٠٠٠٠٠٠٠٠٧".encode()}, ("malformed", "sequence")),
        ({"ce_partitionkey": NUMBER.encode()}, ("not-the-key", "partitionkey")),
        ({"ce_subject": b""}, ("empty", "subject")),
        ({"ce_subject": b"a" * 513}, ("too-long", "subject")),
        ({"ce_subject": b"\xff\xfe"}, ("not-utf-8", "subject")),
        ({"ce_subject": b"a\nb"}, ("forbidden-character", "subject")),
        ({"ce_subject": "a\u0085b".encode()}, ("forbidden-character", "subject")),
        ({f"ce_x{NUMBER}": b"\xff"}, ("not-utf-8", "extension")),
    ],
)
def test_a_wrong_attribute_is_refused(changed: dict[str, bytes | None], refused: tuple[str, str]) -> None:
    assert refusal(RECORD.key, RECORD.value, headers(**changed)) == refused


@pytest.mark.parametrize(
    ("key", "value", "more", "refused"),
    [
        (None, RECORD.value, [], ("missing", "key")),
        (b"", RECORD.value, [], ("empty", "key")),
        (RECORD.key, None, [], ("tombstone", "value")),
        (RECORD.key, RECORD.value, [("ce_subject", b"again")], ("repeated", "subject")),
        (RECORD.key, RECORD.value, [("ce_extra", None)], ("null", "extension")),
    ],
)
def test_a_wrong_record_is_refused(
    key: bytes | None, value: bytes | None, more: Headers, refused: tuple[str, str]
) -> None:
    assert refusal(key, value, [*RECORD.headers, *more]) == refused


def test_foreign_headers_are_ignored_whatever_they_hold() -> None:
    foreign: Headers = [("reply_to", b"\xff"), ("trace", None), ("", b""), ("reply_to", b"x"), ("ce_more", b"kept out")]
    assert decode(RECORD.key, RECORD.value, [*RECORD.headers, *foreign]) == EVENT


@pytest.mark.parametrize("malformed", [b"", b"00-abc", b"\xff", b"00-" + b"A" * 32 + b"-" + b"b" * 16 + b"-01"])
def test_a_malformed_trace_begins_a_new_one(malformed: bytes) -> None:
    assert decode(RECORD.key, RECORD.value, headers(traceparent=malformed)).traceparent is None


def test_a_trace_and_a_replay_travel() -> None:
    traced = replace(EVENT, traceparent=f"00-{'a' * 32}-{'b' * 16}-01", replayid="replay-1")
    assert decode(*encode(traced)) == traced


def test_an_instant_is_utc_after_decoding() -> None:
    there = replace(EVENT, time=EVENT.time.astimezone(timezone(timedelta(hours=7))))
    assert decode(*encode(there)).time.tzinfo is UTC
    assert decode(RECORD.key, RECORD.value, headers(ce_time=b"2026-11-24t09:15:00+07:00")).time == EVENT.time


@pytest.mark.parametrize("sequence", [0, -1, 1_000_000_000_000])
def test_no_sequence_is_written_that_nobody_could_read(sequence: int) -> None:
    with pytest.raises(ValueError, match="sequence"):
        encode(replace(EVENT, sequence=sequence))


def test_no_naive_time_is_written() -> None:
    with pytest.raises(ValueError, match="offset"):
        encode(replace(EVENT, time=datetime(2026, 11, 24)))  # noqa: DTZ001  # naive on purpose


@pytest.mark.parametrize("content_type", [b"application/json", b"text/plain", b"\xff", b""])
def test_another_content_type_is_binary_mode(content_type: bytes) -> None:
    given = [(name, value) for name, value in RECORD.headers if name != "content-type"]
    assert decode(RECORD.key, RECORD.value, [*given, ("content-type", content_type)]) == EVENT


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents-batch+json",
        b"application/cloudevents+avro",
        b"application/cloudevents",
        b"Application/CloudEvents+JSON; charset=latin-1",
    ],
)
def test_a_format_that_is_not_read_is_refused(content_type: bytes) -> None:
    assert refusal(RECORD.key, in_json(), [("content-type", content_type)]) == ("unsupported", "content-type")


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        (b"{", ("not-json", "value")),
        (b"\xff", ("not-json", "value")),
        (b"[" * 100_000, ("not-json", "value")),
        (b'{"id": "1", "id": "2"}', ("not-json", "value")),
        (b"[]", ("not-an-object", "value")),
        (in_json(id=7), ("not-text", "id")),
        (in_json(id=None), ("missing", "id")),
        (in_json(subject="\ud800"), ("not-utf-8", "subject")),
        (in_json(data_base64="e30="), ("repeated", "data")),
        (in_json().replace(b'"data": {', b'"data_base64": "%", "other": {'), ("not-base64", "data_base64")),
        (in_json().replace(b'"data": {', b'"data": {"x": 1e999, '), ("not-json", "data")),
    ],
)
def test_a_wrong_structured_record_is_refused(value: bytes, refused: tuple[str, str]) -> None:
    assert refusal(RECORD.key, value, [*STRUCTURED]) == refused


def test_structured_data_may_come_in_base64() -> None:
    coded = base64.b64encode(RECORD.value)
    members = {name: value for name, value in json.loads(in_json()).items() if name != "data"}
    value = json.dumps({**members, "data_base64": coded.decode()}).encode()
    assert decode(RECORD.key, value, STRUCTURED) == EVENT


def test_an_envelope_does_not_show_its_data() -> None:
    assert ACCEPTED.data["code"] not in repr(EVENT)
