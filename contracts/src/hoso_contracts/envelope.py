"""CloudEvents 1.0 on Kafka records: binary mode out, binary and structured mode in; it opens no connection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from hoso_contracts import attributes as attribute
from hoso_contracts.errors import BadRecord, NotACloudEvent, TooLarge, UnknownMajor, WrongShape, WrongTopic
from hoso_contracts.instant import write_instant
from hoso_contracts.payload import EVENT_LIMIT_BYTES, data_bytes, dataschema, parse
from hoso_contracts.structured import is_structured, read_structured

__all__ = [
    "EVENT_LIMIT_BYTES",
    "BadRecord",
    "CloudEvent",
    "NotACloudEvent",
    "Record",
    "TooLarge",
    "UnknownMajor",
    "WrongShape",
    "WrongTopic",
    "data_bytes",
    "dataschema",
    "decode",
    "encode",
    "parse",
]

LARGEST_SEQUENCE: Final = 999_999_999_999

_PREFIX: Final = "ce_"
_CONSTANT: Final = (("content-type", b"application/json"), ("ce_specversion", b"1.0"))


class Record(NamedTuple):
    """A Kafka record as it is sent: key, value and headers in bytes."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """The envelope of one event: CloudEvents 1.0 context attributes, and the data as bytes.

    Attributes:
        id: The event's own id (UUIDv7 where Hoso makes it); with `source` it names the event once and for all.
        source: Who says it, "/hoso/<service>".
        type: What it is, such as "hoso.dossier.submitted.v1".
        subject: Id of the aggregate whose stream it belongs to.
        time: When it was announced; aware, UTC after decoding.
        dataschema: Name of the data's JSON Schema; may be absent on input.
        partitionkey: The dossier's id; the record key.
        correlationid: Id of the `dossier.submitted` event that began the journey.
        causationid: Id of the event that led to this one.
        sequence: Place in its subject's stream, from 1 without gaps; on sequenced topics only.
        replayid: Which replay this record is part of; absent on the original.
        traceparent: W3C trace context; None when absent or malformed.
        data: The data as it travelled, usually JSON in UTF-8; not shown by `repr`.
    """

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    partitionkey: str
    data: bytes = field(repr=False)
    dataschema: str | None = None
    correlationid: UUID | None = None
    causationid: UUID | None = None
    sequence: int | None = None
    replayid: str | None = None
    traceparent: str | None = None


def encode(event: CloudEvent) -> Record:
    """Write an event as a Kafka record in binary mode.

    Raises:
        ValueError: `time` is naive, or `sequence` is outside 1 … 999,999,999,999.
    """
    key = event.partitionkey.encode()
    headers = [
        *_same_headers(event.source, event.type, event.dataschema),
        ("ce_id", str(event.id).encode()),
        ("ce_subject", event.subject.encode()),
        ("ce_time", write_instant(event.time).encode()),
        ("ce_partitionkey", key),
    ]
    if event.correlationid is not None:
        headers.append(("ce_correlationid", str(event.correlationid).encode()))
    if event.causationid is not None:
        headers.append(("ce_causationid", str(event.causationid).encode()))
    if event.sequence is not None:
        headers.append(("ce_sequence", _sequence_text(event.sequence).encode()))
    if event.replayid is not None:
        headers.append(("ce_replayid", event.replayid.encode()))
    if event.traceparent is not None:
        headers.append(("traceparent", event.traceparent.encode()))
    return Record(key, event.data, headers)


@lru_cache(maxsize=256)
def _same_headers(source: str, event_type: str, schema: str | None) -> tuple[tuple[str, bytes], ...]:
    """The headers that are the same for every event of one type from one service."""
    named = (*_CONSTANT, ("ce_source", source.encode()), ("ce_type", event_type.encode()))
    return named if schema is None else (*named, ("ce_dataschema", schema.encode()))


def _sequence_text(sequence: int) -> str:
    if not 1 <= sequence <= LARGEST_SEQUENCE:
        raise ValueError("a sequence counts from 1 and has at most 12 digits")
    return f"{sequence:012}"


def decode(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> CloudEvent:
    """Read a Kafka record in binary mode, or in structured mode where `content-type` says so.

    In binary mode the data is not looked into: that is for `parse`. Headers that are not CloudEvents' are ignored,
    whatever they hold.

    Raises:
        NotACloudEvent: No key, a tombstone, or a context attribute that is missing, repeated, null or malformed.
    """
    if key is None:
        raise NotACloudEvent("missing", "key")
    if value is None:
        raise NotACloudEvent("tombstone", "value")
    attributes, foreign = _split(headers)
    data = value
    if is_structured(foreign.get("content-type")):
        attributes, data = read_structured(value)
    return _build(attribute.text("key", key), attributes, foreign.get("traceparent"), data)


def _split(headers: Sequence[tuple[str, bytes | None]]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Part the headers into CloudEvents' attributes and the foreign ones; of a repeated foreign one the last counts."""
    attributes: dict[str, str] = {}
    foreign: dict[str, bytes] = {}
    for header, raw in headers:
        if not header.startswith(_PREFIX):
            if raw is not None:
                foreign[header] = raw
            continue
        name = header[3:]
        if raw is None:
            raise NotACloudEvent("null", attribute.public_name(name))
        if name in attributes:
            raise NotACloudEvent("repeated", attribute.public_name(name))
        attributes[name] = attribute.text(attribute.public_name(name), raw)
    return attributes, foreign


def _build(key: str, attributes: Mapping[str, str], traceparent: bytes | None, data: bytes) -> CloudEvent:
    if _required(attributes, "specversion") != "1.0":
        raise NotACloudEvent("unsupported", "specversion")
    if attributes.get("partitionkey", key) != key:
        raise NotACloudEvent("not-the-key", "partitionkey")
    return CloudEvent(
        id=attribute.uuid("id", _required(attributes, "id")),
        source=_required(attributes, "source"),
        type=_required(attributes, "type"),
        subject=_required(attributes, "subject"),
        time=attribute.time(_required(attributes, "time")),
        partitionkey=key,
        data=data,
        dataschema=attributes.get("dataschema"),
        correlationid=_optional_uuid(attributes, "correlationid"),
        causationid=_optional_uuid(attributes, "causationid"),
        sequence=attribute.sequence(attributes["sequence"]) if "sequence" in attributes else None,
        replayid=attribute.replay(attributes["replayid"]) if "replayid" in attributes else None,
        traceparent=attribute.traceparent(traceparent),
    )


def _required(attributes: Mapping[str, str], name: str) -> str:
    if name not in attributes:
        raise NotACloudEvent("missing", name)
    return attributes[name]


def _optional_uuid(attributes: Mapping[str, str], name: str) -> UUID | None:
    return attribute.uuid(name, attributes[name]) if name in attributes else None
