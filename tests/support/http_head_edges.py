"""Tricks with the head: what is no HTTP, what is too much, what comes twice, other methods and versions."""

from dataclasses import replace
from typing import Final

from support.http_edges import (
    CLOSED,
    MALFORMED,
    NO_METHOD,
    PLAIN,
    TOO_LARGE_HEAD,
    Edge,
    Send,
    edge,
    end,
    has,
    with_headers,
    with_lines,
)

_UTF8: Final = "Nguyễn {word}".encode().decode("latin-1")

BROKEN_LINES: Final = {
    "obs-fold": "x-note: a\r\n {word}",
    "obs-fold of a tab": "x-note: a\r\n\t{word}",
    "space before the colon": "x-note : {word}",
    "no colon": "{word}",
    "no name": ": {word}",
    "leading space": " x-note: {word}",
    "NUL in a value": "x-note: {word}\0b",
    "CR in a value": "x-note: {word}\rb",
    "LF alone": "x-note: {word}\nx-other: b",
    "control character": "x-note: {word}\x01",
    "DEL": "x-note: {word}\x7f",
    "name that is no token": "x-n\xf4te: {word}",
    "NUL in a name": "x-\0: {word}",
}
HARMLESS_LINES: Final = {
    "Latin-1 value": "x-note: Nguy\xean {word}",
    "UTF-8 value": f"x-note: {_UTF8}",
    "empty value": "x-note:",
    "header of 31 KB": f"x-note: {{word}}{'a' * 31_000}",
    "3,000 headers": "\r\n".join(["x: a"] * 3000),
    "method override": "x-http-method-override: DELETE\r\nx-method-override: DELETE\r\nx-http-method: {word}",
    "forwarded": "x-forwarded-for: {word}\r\nx-original-url: /{word}\r\nforwarded: for={word}",
    "unknown expectation": "expect: {word}",
    "Idempotency-Key misspelt": "idempotency_key: {word}",
}
LARGE_LINES: Final = {
    "header of 33 KB": f"x-note: {{word}}{'a' * 33_000}",
    "header of 1 MB": f"x-note: {{word}}{'a' * 1_000_000}",
    "name of 33 KB": f"{'x' * 33_000}: {{word}}",
    "6,000 headers": "\r\n".join(["x: {word}"] * 6000),
    "cookies of 40 KB": "cookie: " + "{word}=b; " * 3000,
}
TWICE: Final = {
    "authorization": "Bearer {word}",
    "host": "{word}",
    "content-type": "text/{word}",
    "content-length": "1",
    "if-match": '"1"',
    "idempotency-key": "{word}",
}
_OWN_SLUG: Final = {
    "authorization": end("401 token-malformed", "plain"),
    "if-match": end("400 if-match-malformed"),
    "idempotency-key": end("400 idempotency-key-malformed"),
}
VERSIONS: Final = (
    "HTTP/0.9",
    "HTTP/1.2",
    "HTTP/2.0",
    "HTTP/1.",
    "HTTP/1.1 ",
    "http/1.1",
    "HTTPS/1.1",
    "HTTP/1.1 {word}",
    "",
)
METHODS: Final = ("OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND", "M-SEARCH", "QUERY", "SOURCE")
NO_METHODS: Final = ("CONNECT", "PRI", "get", "Post", "{word}", "G" * 3000, "GET\0")


def _as(method: str) -> Send:
    return lambda route: [route.sized(method=method.replace("{word}", route.word))]


def _version(version: str) -> Send:
    return lambda route: [route.sized(f"x-note: {route.word}", version=version.replace("{word}", route.word))]


def _raw(old: bytes, new: bytes) -> Send:
    return lambda route: [route.sized(f"x-note: {route.word}").replace(old, new, 1)]


HEADS: Final[tuple[Edge, ...]] = (
    *(edge(name, with_lines(line), MALFORMED) for name, line in BROKEN_LINES.items()),
    *(edge(name, with_lines(line), PLAIN) for name, line in HARMLESS_LINES.items()),
    *(edge(name, with_lines(line), TOO_LARGE_HEAD) for name, line in LARGE_LINES.items()),
    *(
        edge(f"two {name}", with_lines(f"{name}: {value}"), _OWN_SLUG.get(name, MALFORMED), applies=has(name))
        for name, value in TWICE.items()
        if name != "content-length"
    ),
    edge("two content-length", with_lines("content-length: 1"), MALFORMED, none=None),
    edge(
        "content-length twice the same",
        lambda route: [route.sized(f"content-length: {len(route.body)}")],
        MALFORMED,
        none=None,
    ),
    edge("no host", with_headers(host=None), MALFORMED),
    edge("HTTP/1.0", _version("HTTP/1.0"), CLOSED),
    *(edge(f"version {version or 'none'}", _version(version), MALFORMED) for version in VERSIONS),
    edge("HTTP/2 by prior knowledge", lambda _: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], MALFORMED),
    edge("TLS", lambda _: [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], MALFORMED),
    edge("tab in the request line", _raw(b" ", b"\t"), MALFORMED),
    edge("two spaces in the request line", _raw(b" ", b"  "), PLAIN),
    edge("empty lines before the request", lambda route: [b"\r\n\r\n", route.sized()], PLAIN),
    edge("space before the first header", _raw(b"\r\n", b"\r\n "), MALFORMED),
    edge("only LF", lambda route: [route.sized(f"x-note: {route.word}").replace(b"\r\n", b"\n")], MALFORMED),
    edge(
        "token that is no ASCII",
        with_headers(authorization="Bearer " + _UTF8),
        end("401 token-malformed", "plain"),
        applies=has("authorization"),
    ),
    edge(
        "key that is no ASCII",
        with_headers(idempotency_key=_UTF8),
        end("400 idempotency-key-malformed"),
        applies=has("idempotency-key"),
    ),
    edge(
        "version seen that is no ASCII",
        with_headers(if_match=_UTF8),
        end("400 if-match-malformed"),
        applies=has("if-match"),
    ),
    *(edge(f"method {method}", _as(method), NO_METHOD) for method in METHODS),
    replace(edge("method HEAD", _as("HEAD"), end("405 ")), is_head=True),
    *(edge(f"method {method[:8]}", _as(method), MALFORMED) for method in NO_METHODS),
)
