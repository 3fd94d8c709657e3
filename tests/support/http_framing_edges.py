"""Tricks with where a body ends: lengths that are none, codings, chunks and what is around them."""

from collections.abc import Callable
from typing import Final

from support.http_edges import CLOSED, MALFORMED, PLAIN, Edge, Send, edge, end
from support.http_routes import Route

_PACKED: Final = end("415 compressed-body", closes=True)


def of_length(length: Callable[[Route], object]) -> Send:
    return lambda route: [route.head(f"x-note: {route.word}", f"content-length: {length(route)}") + route.body]


def chunked(body: Callable[[Route], bytes], *lines: str) -> Send:
    return lambda route: [route.head(*(lines or ["transfer-encoding: chunked"])) + body(route)]


def in_one(route: Route) -> bytes:
    """The body as one chunk, without the last one."""
    return b"%x\r\n%b\r\n" % (len(route.body), route.body) if route.body else b""


def whole(route: Route) -> bytes:
    return in_one(route) + b"0\r\n\r\n"


LENGTHS: Final[dict[str, Callable[[Route], object]]] = {
    "negative": lambda _: -5,
    "with a plus": lambda route: f"+{len(route.body)}",
    "twice in one line": lambda route: f"{len(route.body)}, {len(route.body)}",
    "two in one line": lambda _: "5, 6",
    "hexadecimal": lambda route: hex(len(route.body)),
    "with a point": lambda route: f"{len(route.body)}.0",
    "with an exponent": lambda _: "1e1",
    "with a space": lambda _: "1 2",
    "with an underscore": lambda _: "1_0",
    "empty": lambda _: "",
    "2^64": lambda _: 2**64,
    "2^64 too much": lambda route: 2**64 + len(route.body),
    "in Arabic digits": lambda _: "٥".encode().decode("latin-1"),
    "a word": lambda route: route.word,
}
NO_CODINGS: Final = {
    "gzip": "transfer-encoding: gzip",
    "chunked, gzip": "transfer-encoding: chunked, gzip",
    "chunked, chunked": "transfer-encoding: chunked, chunked",
    "xchunked": "transfer-encoding: x{word}chunked",
    "identity": "transfer-encoding: identity",
    "chunked;q=1": "transfer-encoding: chunked;q=1",
    "quoted": 'transfer-encoding: "chunked"',
    "empty": "transfer-encoding:",
    "with a vertical tab": "transfer-encoding:\x0bchunked",
    "with a space before the colon": "transfer-encoding : chunked",
    "folded": "x-note: y\r\n\ttransfer-encoding: chunked",
    "chunked, then identity": "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "chunked twice": "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    "with a length": "content-length: 5\r\ntransfer-encoding: chunked",
    "before a length": "transfer-encoding: chunked\r\ncontent-length: 5",
}
PACKED: Final = {
    "gzip, chunked": "transfer-encoding: gzip, chunked",
    "gzip, then chunked": "transfer-encoding: gzip\r\ntransfer-encoding: chunked",
    "identity, chunked": "transfer-encoding: identity, chunked",
    "comma chunked": "transfer-encoding: ,chunked",
    "word, chunked": "transfer-encoding: {word}, chunked",
}
NO_CHUNKS: Final[dict[str, Callable[[Route], bytes]]] = {
    "size of letters": lambda _: b"zz\r\n",
    "negative size": lambda _: b"-1\r\n",
    "size of 0x1": lambda _: b"0x1\r\na\r\n0\r\n\r\n",
    "size beyond 2^64": lambda _: b"ffffffffffffffff1\r\na",
    "no end of a chunk": lambda _: b"1\r\nab\r\n0\r\n\r\n",
    "LF alone": lambda route: whole(route).replace(b"\r\n", b"\n"),
    "trailer that is none": lambda route: in_one(route) + b"0\r\nx note a\r\n\r\n",
    "length in a trailer": lambda route: in_one(route) + b"0\r\ncontent-length: 5\r\n\r\n",
}
CHUNKS: Final[dict[str, Callable[[Route], bytes]]] = {
    "in one": whole,
    "of one byte": lambda route: b"".join(b"1\r\n%c\r\n" % byte for byte in route.body) + b"0\r\n\r\n",
    "with an extension": lambda route: whole(route).replace(b"\r\n", b";%b=b\r\n" % route.word.encode(), 1),
    "with many zeros": lambda route: in_one(route) + b"0" * 15 + b"\r\n\r\n",
    "with a trailer": lambda route: in_one(route) + b"0\r\nx-note: %b\r\n\r\n" % route.word.encode(),
}
AROUND: Final[dict[str, Callable[[Route], bytes]]] = {
    "extension of 1 MB": lambda route: b"1;" + route.word.encode() + b"a" * 1_000_000 + b"\r\n{\r\n0\r\n\r\n",
    "trailer of 1 MB": lambda route: in_one(route) + b"0\r\nx-note: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "200,000 trailers": lambda route: in_one(route) + b"0\r\n" + b"x: a\r\n" * 200_000 + b"\r\n",
}
_MISSING: Final = {
    "authorization": end("401 token-missing"),
    "idempotency-key": end("400 idempotency-key-missing"),
    "if-match": end("428 if-match-missing"),
    "content-type": end("415 unsupported-media-type"),
}


def _in_a_trailer(name: str) -> Send:
    def send(route: Route) -> list[bytes]:
        trailer = f"0\r\n{name}: {route.headers[name]}\r\n\r\n".encode()
        return [route.but(headers={name: None}).head("transfer-encoding: chunked") + in_one(route) + trailer]

    return send


_NO_LENGTHS: Final = tuple(edge(f"length {name}", of_length(length), MALFORMED) for name, length in LENGTHS.items())
_CODINGS: Final = (
    *(edge(f"transfer-encoding {name}", chunked(whole, line), MALFORMED) for name, line in NO_CODINGS.items()),
    *(
        edge(f"transfer-encoding {name}", chunked(whole, line), CLOSED, json=_PACKED, form=_PACKED)
        for name, line in PACKED.items()
    ),
    edge("transfer-encoding in capitals", chunked(whole, "Transfer-Encoding: \tCHUNKED"), PLAIN, none=CLOSED),
)
_CHUNKS: Final = (
    *(edge(f"chunks: {name}", chunked(body), MALFORMED) for name, body in NO_CHUNKS.items()),
    *(edge(f"chunks {name}", chunked(body), PLAIN, none=CLOSED) for name, body in CHUNKS.items()),
    # A route that needs no body may have answered before this is too much.
    *(
        edge(f"chunks: {name}", chunked(body), MALFORMED, none=end(*MALFORMED.answers, "plain", closes=True))
        for name, body in AROUND.items()
    ),
    *(
        edge(
            f"{name} in a trailer",
            _in_a_trailer(name),
            told,
            none=None,
            applies=lambda route, name=name: name in route.headers,
        )
        for name, told in _MISSING.items()
    ),
    edge(
        "chunks under HTTP/1.0",
        lambda route: [route.head("transfer-encoding: chunked", version="HTTP/1.0") + whole(route)],
        MALFORMED,
    ),
)
FRAMINGS: Final[tuple[Edge, ...]] = (*_NO_LENGTHS, *_CODINGS, *_CHUNKS)
