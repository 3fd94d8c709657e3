"""Tricks with the body: deep, huge and broken JSON, other encodings and media types, compressed bodies."""

import gzip
import zlib
from typing import Final

from support.http_edges import CLOSED, PLAIN, Edge, Send, edge, end, with_headers, with_lines
from support.http_routes import Route

_BROKEN: Final = end("400 malformed-request", closes=False)
_NO_TYPE: Final = end("415 unsupported-media-type")
_NO_FORM: Final = end("400 malformed-form")
_TOO_LARGE: Final = end("413 body-too-large", closes=True)
_PACKED: Final = end("415 compressed-body", closes=True)
_OTHER: Final = end("plain", "412 version-changed", "422 invalid-request", "422 answers-invalid", closes=False)
_TEXT: Final = '{"%s":"b"}'


def json_of(text: bytes | str) -> Send:
    """This body, as JSON where the route takes JSON; {word} is the word."""
    raw = text if isinstance(text, bytes) else text.encode()
    return lambda route: [route.but(body=raw.replace(b"{word}", route.word.encode())).sized()]


def encoded(encoding: str) -> Send:
    return lambda route: [route.but(body=(_TEXT % route.word).encode(encoding)).sized()]


def packed(name: str, body: bytes | None = None) -> Send:
    """The route's body in gzip, or another, with this Content-Encoding."""
    return lambda route: [
        route.but(body=(gzip.compress(route.body) if body is None else body) if route.body else b"").sized(
            f"content-encoding: {name}", f"x-note: {route.word}"
        )
    ]


BROKEN: Final[dict[str, bytes | str]] = {
    "lists 300 deep": '{"{word}":' + "[" * 300 + "]" * 300 + "}",
    "lists 60,000 deep": "[" * 60_000,
    "objects 10,000 deep": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "number of 5,000 digits": '{"{word}":' + "9" * 5000 + "}",
    "NaN": '{"{word}":NaN}',
    "Infinity": '{"{word}":-Infinity}',
    "lone surrogate": '{"{word}":"\\ud800"}',
    "NUL escaped": '{"{word}":"\\u0000"}',
    "NUL escaped in a name": '{"{word}\\u0000":"a"}',
    "NUL as it is": '{"{word}":"\0"}',
    "NUL after the end": "{}\0",
    "control character": '{"{word}":"\x01"}',
    "text after the end": "{}{word}",
    "two documents": '{}{"{word}":1}',
    "only spaces": "   ",
    "cut short": '{"{word}":',
    "comment": "{}/*{word}*/",
    "single quotes": "{'{word}':1}",
    "Latin-1": '{"{word}":"\xea"}'.encode("latin-1"),
    "overlong UTF-8": b'{"{word}":"\xc0\xaf"}',
    "surrogates in UTF-8": b'{"{word}":"\xed\xa0\x80\xed\xb0\x80"}',
    "byte order mark": b"\xef\xbb\xbf{}",
}
SOUND: Final[dict[str, str]] = {
    "lists 190 deep": '{"{word}":' + "[" * 190 + "]" * 190 + "}",
    "number beyond all": '{"{word}":1e999}',
    "the same name twice": '{"{word}":1,"{word}":2}',
    "names of programs": '{"__proto__":{"{word}":1},"constructor":1,"$where":"1"}',
    "5,000 names": '{"{word}":0,' + ",".join(f'"{number}":0' for number in range(5000)) + "}",
}
OTHER: Final = {"null": "null", "list": "[]", "text": '"{word}"', "number": "1", "nothing": ""}
TYPES: Final = (
    *("text/json", "text/plain", "application/x-www-form-urlencoded", "application/json, text/plain", "{word}"),
    *("application/ json", "application /json", "application/json-seq", "json", "*/*", "", "text/{word}+json"),
)
JSON_TYPES: Final = ("; charset=utf-8", "; charset=utf-16", ";charset={word};charset=b", ";", "; {word}")
FORM_TYPES: Final = (
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary={word}",
    "multipart/form-data; boundary=" + "a" * 71,
    'multipart/form-data; boundary="a',
)
_BOMB: Final = gzip.compress(b"\0" * 20_000_000)


def _typed(parameter: str) -> Send:
    return lambda route: with_headers(content_type=route.headers["content-type"] + parameter)(route)


def _shouted(route: Route) -> list[bytes]:
    return [route.but(headers={"content-type": route.headers["content-type"].upper()}).sized()]


BODIES: Final[tuple[Edge, ...]] = (
    *(edge(f"JSON: {name}", json_of(text), CLOSED, json=_BROKEN, form=_NO_FORM) for name, text in BROKEN.items()),
    *(
        edge(f"JSON in {name}", encoded(name), CLOSED, json=_BROKEN, form=_NO_FORM)
        for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32")
    ),
    *(edge(f"JSON: {name}", json_of(text), None, json=end("plain", closes=False)) for name, text in SOUND.items()),
    *(edge(f"JSON: {name}", json_of(text), None, json=(_OTHER,)) for name, text in OTHER.items() if text),
    edge("no body", json_of(""), None, json=end(*_OTHER.answers, "400 malformed-request"), form=_NO_FORM),
    edge("65,536 bytes", lambda route: [route.but(body=route.body.ljust(65_536)).sized()], None, json=PLAIN),
    edge("65,537 bytes", json_of("x" * 65_537), CLOSED, json=_TOO_LARGE, form=_NO_FORM),
    edge("1 MB", json_of("x" * 1_000_000), CLOSED, json=_TOO_LARGE, form=_NO_FORM),
    edge("6 MB", json_of("x" * 6_000_000), CLOSED, json=_TOO_LARGE, form=end("413 file-too-large", closes=True)),
    *(edge(f"type {name[:31]}", with_headers(content_type=name), None, json=_NO_TYPE) for name in TYPES),
    *(edge(f"type {name[:31]} for a form", with_headers(content_type=name), None, form=_NO_TYPE) for name in TYPES),
    *(edge(f"parameter {name}", _typed(name), None, json=PLAIN) for name in JSON_TYPES),
    edge("type in capitals", _shouted, None, json=PLAIN),
    edge("no type", with_headers(content_type=None), None, json=_NO_TYPE, form=_NO_TYPE),
    *(edge(name[:60], with_headers(content_type=name), None, form=_NO_FORM) for name in FORM_TYPES),
    *(
        edge(f"content-encoding {name or 'empty'}", packed(name), PLAIN, json=_PACKED, form=_PACKED)
        for name in ("gzip", "x-gzip", "br", "zstd", "compress", "gzip, identity", "identity, gzip", "{word}", "\xea")
    ),
    edge(
        "content-encoding deflate",
        lambda route: packed("deflate", zlib.compress(route.body))(route),
        PLAIN,
        json=_PACKED,
        form=_PACKED,
    ),
    edge(
        "content-encoding twice",
        with_lines("content-encoding: identity", "content-encoding: gzip"),
        PLAIN,
        json=_PACKED,
        form=_PACKED,
    ),
    edge("content-encoding identity", with_lines("content-encoding: Identity"), PLAIN),
    edge("content-encoding empty", with_lines("content-encoding:"), PLAIN),
    edge("gzip bomb", packed("gzip", _BOMB), PLAIN, json=_PACKED, form=_PACKED),
    edge(
        "gzip bomb that does not say so",
        lambda route: [route.but(body=_BOMB).sized()],
        CLOSED,
        json=end("400 malformed-request", "413 body-too-large"),
        form=_NO_FORM,
    ),
)
