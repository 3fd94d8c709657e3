"""JSON Merge Patch (RFC 7396) on values as Python's json reads them."""

from typing import Any, cast


def merged(target: object, patch: object) -> Any:  # any JSON value
    """Return what a patch makes of a target; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def depth(value: object) -> int:
    """Return how deep a value nests; a bare value is 0."""
    if isinstance(value, dict):
        inner = list(cast("dict[str, Any]", value).values())
    elif isinstance(value, list):
        inner = cast("list[Any]", value)
    else:
        return 0
    return 1 + max(map(depth, inner), default=0)
