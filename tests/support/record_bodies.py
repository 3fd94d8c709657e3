"""Records whose envelope is good and whose data is odd."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from hoso_contracts.envelope import encode
from hoso_contracts.payload import EVENT_LIMIT_BYTES
from support.raw_records import BATCH_LIMIT, Raw
from support.record_ends import PASSED_OVER, TAKEN, End, Good, Kind, wrong_shape

TOO_LARGE: Final = End("dead letter", "too-large", "more than 65536 bytes of {type}")
WHOLE: Final = wrong_shape("$")
UNKNOWN_TYPE: Final = "hoso.somebodys.event.v1"


def _of(value: bytes) -> Callable[[Good], Raw]:
    """With these bytes as data."""
    return lambda good: replace(good.raw, value=value)


def _with(member: bytes) -> Callable[[Good], Raw]:
    """With one more member, written as it is."""
    return lambda good: replace(good.raw, value=good.envelope.data[:-1] + b"," + member + b"}")


def _saying(**changed: Any) -> Callable[[Good], Raw]:
    return lambda good: good.saying({**good.data, **changed})


def _lacking(good: Good) -> Raw:
    return good.saying({name: value for name, value in good.data.items() if name != "dossier_id"})


def _filled(good: Good, size: int) -> Raw:
    """With a member more that makes the data just so large."""
    data = good.envelope.data[:-1] + b',"padding":"'
    return replace(good.raw, value=data + b"x" * (size - len(data) - 2) + b'"}')


def _largest(record: Raw) -> Raw:
    """As large as the broker takes."""
    filled = replace(record, value=b"x" * (BATCH_LIMIT - 1000))
    return replace(record, value=b"x" * (BATCH_LIMIT - 1000 + BATCH_LIMIT - filled.batch_bytes))


def _typed(event_type: str) -> Callable[[Good], Raw]:
    return lambda good: good.enveloped(type=event_type)


def _next_major(event_type: str) -> str:
    return event_type.removesuffix("1") + "2"


def _wrong_topic(event_type: str) -> End:
    return End("dead letter", "wrong-topic", f"wrong shape of {event_type}: topic")


BODIES: Final = (
    Kind("empty value", WHOLE, _of(b"")),
    Kind("invalid JSON", WHOLE, _of(b'{"dossier_id":')),
    Kind("JSON and more behind it", WHOLE, lambda good: replace(good.raw, value=good.envelope.data + b"{}")),
    Kind(
        "JSON with somebody's values that is none", WHOLE, lambda good: replace(good.raw, value=good.planted.encode())
    ),
    Kind("JSON that is no UTF-8", WHOLE, _with(b'"name":"\xff\xfe"')),
    Kind("JSON in UTF-16", WHOLE, lambda good: replace(good.raw, value=good.envelope.data.decode().encode("utf-16"))),
    Kind("JSON behind a byte order mark", WHOLE, lambda g: replace(g.raw, value=b"\xef\xbb\xbf" + g.envelope.data)),
    Kind("JSON with NaN", WHOLE, _with(b'"more":NaN')),
    Kind("JSON with a name twice", WHOLE, lambda g: _with(f'"dossier_id":"{g.about}"'.encode())(g)),
    Kind("JSON with a lone surrogate", WHOLE, _with(b'"more":"\\ud800"')),
    Kind("JSON with a NUL", WHOLE, _with(b'"more":"\x00"')),
    Kind("JSON with an escaped NUL in a field unknown here", TAKEN, _with(b'"more":"\\u0000"')),
    Kind("JSON with an integer of 5,000 digits", WHOLE, _with(b'"more":' + b"9" * 5_000)),
    Kind("JSON 100,000 levels deep", End("dead letter", "too-large", TOO_LARGE.detail), _of(b"[" * 100_000)),
    Kind("JSON 30,000 levels deep", WHOLE, _with(b'"more":' + b"[" * 30_000 + b"]" * 30_000)),
    *(
        Kind(f"data that is {what}", WHOLE, _of(value))
        for what, value in {"a list": b"[]", "a text": b'"x"', "a number": b"1", "null": b"null"}.items()
    ),
    Kind("a field that is missing", wrong_shape("dossier_id"), _lacking),
    Kind(
        "a field of another type", wrong_shape("dossier_id"), lambda g: g.saying({**g.data, "dossier_id": [g.planted]})
    ),
    Kind(
        "a field with somebody's values",
        wrong_shape("dossier_id"),
        lambda g: g.saying({**g.data, "dossier_id": g.planted}),
    ),
    Kind(
        "a list of 15,000 wrong items",
        wrong_shape(*(f"attachments.0.{name}" for name in ("attachment_id", "component", "sha256"))),
        _saying(attachments=[{}] * 15_000),
        tried_at=("storage",),
    ),
    Kind("a field that is null", wrong_shape("dossier_id"), _saying(dossier_id=None)),
    Kind(
        "fields unknown here", TAKEN, lambda good: good.saying({**good.data, **good.personal, "more": [good.personal]})
    ),
    Kind("data of 64 KiB", TAKEN, lambda good: _filled(good, EVENT_LIMIT_BYTES)),
    Kind("data of 64 KiB and one byte", TOO_LARGE, lambda good: _filled(good, EVENT_LIMIT_BYTES + 1)),
    Kind("the largest record that the broker takes", TOO_LARGE, lambda good: _largest(good.raw)),
    Kind("the largest record, of an unknown type", PASSED_OVER, lambda g: _largest(_typed(UNKNOWN_TYPE)(g))),
    Kind("unknown type", PASSED_OVER, _typed(UNKNOWN_TYPE)),
    Kind("unknown type that names somebody", PASSED_OVER, lambda good: good.enveloped(type=f"hoso.{good.planted}.v1")),
    Kind("known type without a handler here", PASSED_OVER, lambda good: Raw.of(encode(good.unheard))),
    Kind(
        "unknown major version",
        End("dead letter", "unknown-major", "unknown major version, known is {type}"),
        lambda good: good.enveloped(type=_next_major(good.event.type)),
    ),
    Kind(
        "unknown major version of a type without a handler here",
        PASSED_OVER,
        lambda good: Raw.of(encode(replace(good.unheard, type=_next_major(good.unheard.type)))),
    ),
    Kind(
        "known type of another topic",
        PASSED_OVER,
        lambda good: Raw.of(encode(good.elsewhere)),
        {  # where the reader has a handler for it
            "dossier identity.verifications.v1": _wrong_topic("hoso.attachment.scanned.v1"),
            "dossier attachment.lifecycle.v1": _wrong_topic("hoso.notification.delivered.v1"),
            "dossier notification.deliveries.v1": _wrong_topic("hoso.identity.rejected.v1"),
        },
    ),
)
