"""CloudEvents' JSON format ("structured mode") in one record value; reading only, because Hoso writes binary mode."""

import base64
import json
from typing import Any, Final, cast

from hoso_contracts.attributes import KNOWN, text
from hoso_contracts.canonical import NotCanonical, canonical_json
from hoso_contracts.errors import NotACloudEvent
from hoso_contracts.strict_json import AmbiguousJson, strict_json

_CLOUDEVENTS: Final = b"application/cloudevents"
_JSON_FORMAT: Final = "application/cloudevents+json"


def is_structured(content_type: bytes | None) -> bool:
    """Whether the header `content-type` announces a whole CloudEvent in the value.

    Raises:
        NotACloudEvent: It announces one in a format that is not read here (a batch, Avro, another charset).
    """
    if content_type is None or not content_type.lower().startswith(_CLOUDEVENTS):
        return False
    media_type, _, parameters = content_type.decode("latin-1").lower().partition(";")
    charset = parameters.replace('"', "").replace(" ", "")
    if media_type.strip() != _JSON_FORMAT or charset not in {"", "charset=utf-8"}:
        raise NotACloudEvent("unsupported", "content-type")
    return True


def read_structured(value: bytes) -> tuple[dict[str, str], bytes]:
    """Take a CloudEvent in JSON apart.

    Data that is JSON comes back canonical (RFC 8785) where it can, so that public data has the bytes it was
    written with.

    Returns:
        The context attributes that Hoso knows, and the data.

    Raises:
        NotACloudEvent: The value is no JSON object, or an attribute of it is no text.
    """
    try:
        members = strict_json(value)
    except AmbiguousJson:
        raise NotACloudEvent("not-json", "value") from None
    if not isinstance(members, dict):
        raise NotACloudEvent("not-an-object", "value")
    event = cast("dict[str, Any]", members)
    present = {name: value for name, value in event.items() if name in KNOWN and value is not None}
    return {name: _attribute(name, value) for name, value in present.items()}, _data(event)


def _attribute(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise NotACloudEvent("not-text", name)
    return text(name, value.encode("utf-8", "surrogatepass"))


def _data(event: dict[str, Any]) -> bytes:
    if "data_base64" in event:
        return _from_base64(event)
    if "data" not in event:
        return b""
    try:
        return canonical_json(event["data"])
    except NotCanonical:
        return _plain_json(event["data"])


def _from_base64(event: dict[str, Any]) -> bytes:
    if "data" in event:
        raise NotACloudEvent("repeated", "data")
    try:
        return base64.b64decode(event["data_base64"], validate=True)
    except (TypeError, ValueError):
        raise NotACloudEvent("not-base64", "data_base64") from None


def _plain_json(data: object) -> bytes:
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, RecursionError):  # an infinity from 1e999, a lone surrogate, deeper than the stack
        raise NotACloudEvent("not-json", "data") from None
