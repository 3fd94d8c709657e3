"""What a request's head must be beyond what the parser asks for, so that nobody before us reads it as another."""

import re
from collections.abc import Sequence

Headers = Sequence[tuple[bytes, bytes]]

_ONCE = frozenset({b"host", b"content-type", b"content-length"})
_HIDDEN = re.compile(rb"[^?]*(?:%2f|%5c|#)|[^#]*#", re.IGNORECASE)
_HOP = frozenset({b"upgrade", b"http2-settings"})


def is_sound(version: str, target: bytes, headers: Headers) -> bool:
    """Tell whether a head says each thing once, in a version that is spoken here, of a path that hides no slash.

    HTTP/1.1 without a Host, or with two, must be refused (RFC 9112, section 3.2); HTTP/1.0 knows no chunks (6.1). Two
    tokens are left to `tokens.require`, which says so. `%2F` is no path separator (RFC 3986, section 2.2), but would
    be made one by decoding; a fragment is never sent.
    """
    names = [name for name, _ in headers if name in _ONCE or name == b"transfer-encoding"]
    if len(names) != len({*names}) + max(names.count(b"transfer-encoding") - 1, 0) or _HIDDEN.match(target):
        return False
    return b"host" in names if version == "1.1" else version == "1.0" and b"transfer-encoding" not in names


def without_upgrade(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return the head as if no other protocol was wished for, which a server may pass over (RFC 9110, section 7.8)."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in headers:
        if name == b"connection":
            kept = [token for token in value.split(b",") if token.strip().lower() not in _HOP]
            lines.append(name + b": " + b",".join(kept))
        elif name not in _HOP:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])
