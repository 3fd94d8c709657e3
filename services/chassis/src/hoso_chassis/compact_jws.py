"""The outside of a compact JWS (RFC 7515), read before anything of it is believed; verifies nothing."""

import re
from base64 import urlsafe_b64decode
from typing import Any, cast

import orjson

# base64.urlsafe_b64decode passes over what is not in its alphabet, and the library that verifies does not.
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


def header_of(text: str) -> dict[str, Any]:
    """Return the protected header.

    No extension is understood here, so that a header with `crit` is refused whatever it lists (RFC 7515, 4.1.11).

    Raises:
        ValueError: the text is no compact JWS, its header is no JSON object, or it has `crit`.
    """
    if not _SHAPE.fullmatch(text):
        raise ValueError("not a compact JWS")
    encoded = text.partition(".")[0]
    found: object = orjson.loads(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    if not isinstance(found, dict) or "crit" in found:
        raise ValueError("a header of another kind")
    return cast("dict[str, Any]", found)
