"""Canonical JSON by RFC 8785, for the subset without fractions; it refuses what it cannot write the one right way."""

import json
from collections.abc import Sequence
from typing import cast

JsonValue = str | int | bool | None | list["JsonValue"] | tuple["JsonValue", ...] | dict[str, "JsonValue"]

LARGEST_INTEGER = 2**53
DEEPEST = 64


class NotCanonical(ValueError):
    """It has no canonical form here: a fraction, an integer beyond ±2^53, a lone surrogate, too deep, no JSON."""


def canonical_json(value: JsonValue) -> bytes:
    """Write a value as RFC 8785 says: no white space, keys in the order of their UTF-16 code units, UTF-8.

    Raises:
        NotCanonical: The value is not in the subset. The text never contains the value.
    """
    try:
        return json.dumps(_ordered(value, DEEPEST), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        raise NotCanonical("a lone surrogate") from None


def _ordered(value: object, depth: int) -> object:
    if depth < 0:
        raise NotCanonical("too deep")
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise NotCanonical("an integer beyond 2^53")
        return value
    if isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return {key: _ordered(members[key], depth - 1) for key in sorted(members, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_ordered(item, depth - 1) for item in cast("Sequence[object]", value)]
    raise NotCanonical(f"a {type(value).__name__}")


def _utf16(key: object) -> bytes:
    if not isinstance(key, str):
        raise NotCanonical("a key that is no string")
    return key.encode("utf-16-be", "surrogatepass")
