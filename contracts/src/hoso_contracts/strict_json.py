"""JSON that can be read in one way only (I-JSON, RFC 7493, without its limits on numbers); it repairs nothing."""

import json
from typing import Any, Final, NoReturn


class AmbiguousJson(ValueError):
    """No JSON in UTF-8, or JSON that two readers could read differently; the text never contains the input."""


def strict_json(raw: bytes) -> Any:
    """Read JSON; refuse repeated names, NaN, infinities, other encodings than UTF-8, nesting beyond the stack.

    Raises:
        AmbiguousJson: It is not such JSON.
    """
    try:
        return _DECODER.decode(raw.decode())
    except (ValueError, RecursionError):
        raise AmbiguousJson("no JSON that can be read in one way only") from None


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(members)
    if len(read) != len(members):
        raise AmbiguousJson("a repeated name")
    return read


def _refuse(_: str) -> NoReturn:
    raise AmbiguousJson("no number of JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse)
