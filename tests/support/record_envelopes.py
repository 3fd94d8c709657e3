"""Records that are odd by their key, their headers or their mode; the data in them is good unless the name says so."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from support.raw_records import Raw
from support.record_ends import TAKEN, Good, Kind, no_event, wrong_shape

BINARY: Final = b"\xff\xfe\x80"
STRUCTURED: Final = b"application/cloudevents+json; charset=UTF-8"


def _without(name: str) -> Callable[[Good], Raw]:
    return lambda good: good.raw.without(name)


def _but(**attributes: bytes | None) -> Callable[[Good], Raw]:
    return lambda good: good.raw.but(**attributes)


def _plus(*headers: tuple[str, bytes | None]) -> Callable[[Good], Raw]:
    return lambda good: good.raw.plus(*headers)


def _typed(content_type: bytes, value: bytes | None = None) -> Callable[[Good], Raw]:
    def make(good: Good) -> Raw:
        record = good.raw.without("content-type").plus(("content-type", content_type))
        return record if value is None else replace(record, value=value)

    return make


def _members(good: Good, **changed: Any) -> dict[str, Any]:
    """The event as structured mode writes it; what is None is left out."""
    attributes = {name[3:]: (value or b"").decode() for name, value in good.raw.headers if name.startswith("ce_")}
    members = {**attributes, "datacontenttype": "application/json", "data": good.data, **changed}
    return {name: value for name, value in members.items() if value is not None}


def _in_structured_mode(good: Good, value: bytes) -> Raw:
    return Raw(good.raw.key, value, (("content-type", STRUCTURED),))


def _structured(**changed: Any) -> Callable[[Good], Raw]:
    """In structured mode, with some members changed; a member that is a function is made of the good event."""

    def make(good: Good) -> Raw:
        made = {name: value(good) if callable(value) else value for name, value in changed.items()}
        return _in_structured_mode(good, json.dumps(_members(good, **made), ensure_ascii=False).encode())

    return make


def _holding(value: bytes) -> Callable[[Good], Raw]:
    """In structured mode, with this as value."""
    return lambda good: _in_structured_mode(good, value)


def _in_base64(good: Good) -> str:
    return base64.b64encode(good.envelope.data).decode()


def _about_somebody(good: Good) -> dict[str, Any]:
    return {**good.data, "dossier_id": good.planted}


def _both_modes(good: Good) -> Raw:
    return _structured()(good).plus(*(pair for pair in good.raw.headers if pair[0] != "content-type"))


def _attribute_named_for_somebody(good: Good) -> Raw:
    return good.raw.plus(*((f"ce_{value}", value.encode()) for value in good.personal.values()))


def _upper_case(good: Good) -> Raw:
    key = str(good.about).upper()
    return replace(good.raw.but(partitionkey=key.encode()), key=key.encode())


ENVELOPES: Final = (
    Kind("no key", no_event("missing: key"), lambda good: replace(good.raw, key=None)),
    Kind("empty key", no_event("empty: key"), lambda good: replace(good.raw, key=b"")),
    Kind("key that is no UTF-8", no_event("not-utf-8: key"), lambda good: replace(good.raw, key=BINARY)),
    Kind(
        "key that the partitionkey contradicts",
        no_event("not-the-key: partitionkey"),
        lambda good: replace(good.raw, key=good.planted.encode()),
    ),
    Kind(
        "key of another dossier",
        wrong_shape("dossier_id"),
        lambda good: good.enveloped(partitionkey=str(uuid4())),
    ),
    Kind("key in capitals", TAKEN, _upper_case),
    Kind("subject of another aggregate", wrong_shape("subject"), lambda good: good.enveloped(subject=str(uuid4()))),
    Kind("no value (tombstone)", no_event("tombstone: value"), lambda good: replace(good.raw, value=None)),
    Kind("no CloudEvent: no headers at all", no_event("missing: specversion"), lambda g: replace(g.raw, headers=())),
    Kind(
        "no CloudEvent: names in capitals",
        no_event("missing: specversion"),
        lambda g: replace(g.raw, headers=tuple((name.upper(), value) for name, value in g.raw.headers)),
    ),
    *(
        Kind(f"no ce_{name}", no_event(f"missing: {name}"), _without(f"ce_{name}"))
        for name in ("specversion", "id", "source", "type", "subject", "time")
    ),
    Kind("null ce_ header", no_event("null: subject"), _but(subject=None)),
    Kind("null ce_ header of a name unknown here", no_event("null: extension"), _plus(("ce_somebodys", None))),
    Kind("ce_ header that is no UTF-8", no_event("not-utf-8: source"), _but(source=BINARY)),
    Kind("ce_ header twice", no_event("repeated: id"), lambda good: good.raw.plus(("ce_id", b"second"))),
    Kind("ce_ header with a NUL", no_event("forbidden-character: source"), _but(source=b"/hoso/\x00")),
    Kind("ce_ header of 100 KB", no_event("too-long: extension"), _plus(("ce_somebodys", b"x" * 100_000))),
    Kind("ce_ headers named for somebody", TAKEN, _attribute_named_for_somebody),
    Kind("empty ce_id", no_event("empty: id"), _but(id=b"")),
    Kind("ce_id that is no UUID", no_event("not-a-uuid: id"), lambda g: g.raw.but(id=g.planted.encode())),
    Kind("ce_specversion 0.3", no_event("unsupported: specversion"), _but(specversion=b"0.3")),
    Kind("ce_specversion 2.0", no_event("unsupported: specversion"), _but(specversion=b"2.0")),
    Kind("ce_time without an offset", no_event("not-an-instant: time"), _but(time=b"2026-11-24T08:00:00")),
    Kind("ce_time outside of the calendar", no_event("not-an-instant: time"), _but(time=b"9999-12-31T23:00:00-14:00")),
    Kind("ce_sequence that is none", no_event("malformed: sequence"), _plus(("ce_sequence", b"1"))),
    Kind(
        "ce_replayid that holds more than a name",
        no_event("malformed: replayid"),
        lambda g: g.raw.plus(("ce_replayid", g.planted.encode())),
    ),
    Kind("ce_causationid that is no UUID", no_event("not-a-uuid: causationid"), _plus(("ce_causationid", b"first"))),
    Kind("null foreign header", TAKEN, _plus(("somebodys", None))),
    Kind("foreign header that is no UTF-8", TAKEN, _plus(("somebodys", BINARY))),
    Kind("foreign header of 100 KB", TAKEN, _plus(("somebodys", b"x" * 100_000))),
    Kind("foreign header with a NUL in its name", TAKEN, _plus(("some\0body", b"1"))),
    Kind(
        "NUL in a header's name of what is no CloudEvent",
        no_event("missing: id"),
        lambda good: good.raw.without("ce_id").plus(("some\0body", b"1")),
    ),
    Kind("10,000 foreign headers", TAKEN, _plus(*(("somebodys", b"%d" % number) for number in range(10_000)))),
    Kind(
        "10,000 headers on what is no CloudEvent",
        no_event("missing: id"),
        lambda g: g.raw.without("ce_id").plus(*[("x", None)] * 10_000),
    ),
    Kind(
        "reply_to and correlation_id of another framework",
        TAKEN,
        _plus(("reply_to", b"dossier.lifecycle.v1"), ("correlation_id", BINARY)),
    ),
    Kind("malformed traceparent", TAKEN, lambda g: g.raw.plus(("traceparent", g.planted.encode()))),
    Kind("no content-type", TAKEN, _without("content-type")),
    Kind("content-type of something else", TAKEN, _typed(b"image/png")),
    Kind("structured mode", TAKEN, _structured()),
    Kind("structured mode with data in base64", TAKEN, _structured(data=None, data_base64=_in_base64)),
    Kind("both modes, which agree", TAKEN, _both_modes),
    Kind("both modes, and the value is no event", no_event("missing: specversion"), _typed(STRUCTURED)),
    Kind("structured mode that is no JSON", no_event("not-json: value"), _holding(b"{")),
    Kind("structured mode that is a list", no_event("not-an-object: value"), _holding(b"[]")),
    Kind("structured mode without an id", no_event("missing: id"), _structured(id=None)),
    Kind("structured mode with a number as id", no_event("not-text: id"), _structured(id=1)),
    Kind("structured mode 100,000 levels deep", no_event("not-json: value"), _holding(b'{"data":' + b"[" * 100_000)),
    Kind("structured mode with wrong data", wrong_shape("dossier_id"), _structured(data=_about_somebody)),
    Kind("batch mode", no_event("unsupported: content-type"), _typed(b"application/cloudevents-batch+json", b"[]")),
    Kind("structured mode in Avro", no_event("unsupported: content-type"), _typed(b"application/cloudevents+avro")),
)
