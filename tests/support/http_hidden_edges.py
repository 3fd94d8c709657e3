"""Tricks with what is behind a request: another length, requests in bodies, many in one piece, expectations."""

from collections.abc import Mapping
from typing import Final

from support.http_edges import CLOSED, MALFORMED, PLAIN, Edge, End, Send, edge, end
from support.http_framing_edges import NO_CODINGS, chunked, of_length
from support.http_routes import Kind, Route

HIDDEN: Final = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
_LIVE: Final = end("200 ", closes=False)
_SHORT: Final[Mapping[Kind, End]] = {
    "json": end("400 malformed-request", closes=False),
    "form": end("400 malformed-form", closes=False),
}
_LARGE: Final[Mapping[Kind, End]] = {
    "json": end("413 body-too-large", closes=True),
    "form": end("413 file-too-large", closes=True),
}


def _length(route: Route) -> list[str]:
    return [f"content-length: {len(route.body)}"] if route.body else []


def _upgrade(protocol: str) -> Send:
    """A wish for another protocol with the body in a piece of its own, as Java's client sends it."""
    lines = ("connection: keep-alive, Upgrade, HTTP2-Settings", f"upgrade: {protocol}", "http2-settings: AAMAAABk")
    return lambda route: [route.head(*_length(route), *lines), route.body]


def _as_body(*lines: str) -> Send:
    """A whole request that is the body of another."""
    return lambda route: [route.head(f"content-length: {len(HIDDEN)}", *lines), HIDDEN]


def _behind(more: bytes, *lines: str) -> Send:
    return lambda route: [route.sized(*lines) + more.replace(b"{word}", route.word.encode())]


def _before_a_bad_chunk(route: Route) -> list[bytes]:
    return [HIDDEN + route.head("transfer-encoding: chunked") + b"zz\r\n"]


def _expecting(route: Route) -> list[bytes]:
    return [route.head(*_length(route), "expect: 100-continue"), route.body]


def _expecting_much(route: Route) -> list[bytes]:
    return [route.head("content-length: 99999999", "expect: 100-continue")]


def _too_much(route: Route) -> list[bytes]:
    return [route.but(body=b"x" * 5_300_000).sized("connection: close")]


HIDINGS: Final[tuple[Edge, ...]] = (
    edge(
        "length 5 too short",
        of_length(lambda route: len(route.body) - 5),
        None,
        json=(_SHORT["json"], MALFORMED),
        form=(_SHORT["form"], MALFORMED),
    ),
    edge("length with zeros", of_length(lambda route: f"000{len(route.body)}"), PLAIN, none=CLOSED),
    edge("length with spaces", of_length(lambda route: f"  {len(route.body)}   "), PLAIN, none=CLOSED),
    edge("length of 2^63 - 1", of_length(lambda _: 2**63 - 1), CLOSED, _LARGE),
    edge("request as a body", _as_body(), CLOSED, _SHORT),
    edge("request as a body, with Upgrade", _as_body("connection: upgrade", "upgrade: h2c"), CLOSED, _SHORT),
    edge(
        "request behind chunks and a length",
        chunked(lambda _: b"0\r\n\r\n" + HIDDEN, NO_CODINGS["with a length"]),
        MALFORMED,
    ),
    edge("request behind one that closes", _behind(HIDDEN, "connection: close"), CLOSED),
    edge("request behind a bad one", _behind(HIDDEN, "bad line"), MALFORMED),
    edge("two requests in one piece", _behind(HIDDEN), (PLAIN, _LIVE)),
    edge("20 requests in one piece", lambda route: [route.sized() * 20], (PLAIN,) * 20),
    edge("no HTTP behind a request", _behind(b"{word}\x16\r\n\r\n"), (PLAIN, MALFORMED)),
    edge("no HTTP behind three", _behind(HIDDEN * 2 + b"{word}\x16\r\n\r\n"), (PLAIN, _LIVE, _LIVE, MALFORMED)),
    edge("bad chunk behind a request", _before_a_bad_chunk, (_LIVE, MALFORMED)),
    edge("h2c with the body apart", _upgrade("h2c"), PLAIN),
    edge("websocket with the body apart", _upgrade("websocket"), PLAIN),
    edge("expect 100-continue", _expecting, PLAIN),
    edge("expect 100-continue for too much", _expecting_much, CLOSED, _LARGE),
    edge("too much, with connection: close", _too_much, CLOSED, _LARGE),
)
