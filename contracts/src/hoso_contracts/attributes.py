"""The context attributes of CloudEvents as Hoso uses them: which there are, and what their text may be."""

import re
from datetime import datetime
from typing import Final
from uuid import UUID

from hoso_contracts.errors import NotACloudEvent
from hoso_contracts.instant import read_instant

KNOWN: Final = frozenset(
    (
        *("id", "source", "type", "specversion", "time", "subject", "dataschema", "datacontenttype"),
        *("partitionkey", "correlationid", "causationid", "sequence", "replayid"),
    )
)
"""Names that an error may repeat; any other was made up by the sender and could hold anything."""

LONGEST_BYTES: Final = 512

# CloudEvents 1.0, "String": no control characters (C0, DEL, C1) and no non-characters; surrogates are no UTF-8 anyway.
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_SEQUENCE: Final = re.compile(r"[0-9]{12}")
_REPLAY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def public_name(attribute: str) -> str:
    """The attribute's name as an error may tell it."""
    return attribute if attribute in KNOWN else "extension"


def text(name: str, raw: bytes) -> str:
    """An attribute (or the record key) as text: UTF-8, 1 to 512 bytes, without forbidden characters.

    Raises:
        NotACloudEvent: It is not.
    """
    if not raw:
        raise NotACloudEvent("empty", name)
    if len(raw) > LONGEST_BYTES:
        raise NotACloudEvent("too-long", name)
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise NotACloudEvent("not-utf-8", name) from None
    if not decoded.isprintable() and _FORBIDDEN.search(decoded):
        raise NotACloudEvent("forbidden-character", name)
    return decoded


def uuid(name: str, value: str) -> UUID:
    """A UUID in its usual form of 36 characters; any version."""
    if not _UUID.fullmatch(value):
        raise NotACloudEvent("not-a-uuid", name)
    return UUID(value)


def time(value: str) -> datetime:
    """An RFC 3339 instant with its offset, in UTC."""
    try:
        return read_instant(value)
    except ValueError:
        raise NotACloudEvent("not-an-instant", "time") from None


def sequence(value: str) -> int:
    """A place in a stream: twelve digits, from 1."""
    number = int(value) if _SEQUENCE.fullmatch(value) else 0
    if number == 0:
        raise NotACloudEvent("malformed", "sequence")
    return number


def replay(value: str) -> str:
    """Which replay: a name of 1 to 64 letters, digits, `.`, `_` and `-`; it is handed on, so it may hold no more."""
    if not _REPLAY.fullmatch(value):
        raise NotACloudEvent("malformed", "replayid")
    return value


def traceparent(raw: bytes | None) -> str | None:
    """The W3C trace context, or None: a malformed one is to be ignored, and begins a new trace."""
    return raw.decode() if raw is not None and _TRACEPARENT.fullmatch(raw) else None
