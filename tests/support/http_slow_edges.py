"""Tricks with time: what comes too slowly, stops, or goes away before it was whole or before it was answered."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from support.http_edges import CLOSED, End, end
from support.http_routes import Kind, Route
from support.raw_http import Talk

Play = Callable[[Talk, Route], Awaitable[None]]
_LATE: Final = end("408 request-timeout", closes=True)
_EVERY_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class SlowEdge:
    """One trick.

    Attributes:
        play: what the client does; what it reads afterwards is the answer.
        ends: that answer, by kind of route; none: nobody is there to read one, and what counts is what is left.
    """

    name: str
    play: Play
    ends: Mapping[Kind, End]


def _begins(part: Callable[[Route], bytes]) -> Play:
    """Send this, and nothing more."""
    return lambda talk, route: talk.send(part(route))


def _head(route: Route) -> bytes:
    return route.head(f"content-length: {max(len(route.body), 100)}")


def _half(route: Route) -> bytes:
    return _head(route) + route.body[: len(route.body) // 2]


def _head_cut(route: Route) -> bytes:
    return route.head(f"x-note: {route.word}")[:-10]


def _more_announced(route: Route) -> bytes:
    return route.head(f"content-length: {len(route.body) + 1000}") + route.body


def _endless_chunks(route: Route) -> bytes:
    return route.head("transfer-encoding: chunked") + b"%x\r\n%b\r\n" % (len(route.body) or 1, route.body or b"x")


def _chunk_cut(route: Route) -> bytes:
    return route.head("transfer-encoding: chunked") + b"ffffffffffffff\r\n" + route.body


def _expects(route: Route) -> bytes:
    return route.head(f"content-length: {max(len(route.body), 100)}", "expect: 100-continue")


def _trickles(begin: Callable[[Route], bytes], more: bytes) -> Play:
    """Send this, then a byte again and again until there is an answer."""

    async def play(talk: Talk, route: Route) -> None:
        await talk.send(begin(route))
        while not talk.reader.at_eof() and not talk.has_answer():
            await talk.send(more)
            await asyncio.sleep(_EVERY_SECONDS)  # the pace of the one who sends, nothing is waited for

    return play


def _leaves(part: Callable[[Route], bytes]) -> Play:
    """Send this and close."""

    async def play(talk: Talk, route: Route) -> None:
        await talk.send(part(route))
        talk.writer.close()

    return play


def _resets(part: Callable[[Route], bytes]) -> Play:
    """Send this and reset the connection."""

    async def play(talk: Talk, route: Route) -> None:
        await talk.send(part(route))
        own: socket.socket = talk.writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        talk.writer.transport.abort()

    return play


def _says_that_it_is_all(part: Callable[[Route], bytes]) -> Play:
    """Send this, close that direction and wait."""

    async def play(talk: Talk, route: Route) -> None:
        await talk.send(part(route))
        talk.writer.write_eof()
        await talk.reader.read()

    return play


def _whole(route: Route) -> bytes:
    return route.sized(f"x-note: {route.word}")


_BODY: Final[Mapping[Kind, End]] = {"none": CLOSED, "json": _LATE, "form": _LATE}
_HEAD: Final[Mapping[Kind, End]] = {"none": _LATE, "json": _LATE, "form": _LATE}
CUT: Final = {
    "in the head": _head_cut,
    "behind the head": _head,
    "in the body": _half,
    "behind a body announced longer": _more_announced,
    "in a chunk": _chunk_cut,
    "between chunks": _endless_chunks,
    "behind the whole request": _whole,
}
SLOW: Final[tuple[SlowEdge, ...]] = (
    SlowEdge("head that stops", _begins(_head_cut), _HEAD),
    SlowEdge("head that trickles", _trickles(_head_cut, b"a"), _HEAD),
    SlowEdge("headers without end", _trickles(_head_cut, b"a\r\nx-n: "), _HEAD),
    SlowEdge("body that never comes", _begins(_head), _BODY),
    SlowEdge("body that stops", _begins(_half), _BODY),
    SlowEdge("body that trickles", _trickles(_half, b"a"), _BODY),
    SlowEdge("more announced than sent", _begins(_more_announced), _BODY),
    SlowEdge("chunks that stop", _begins(_endless_chunks), _BODY),
    SlowEdge("chunks that trickle", _trickles(_endless_chunks, b"1\r\n \r\n"), _BODY),
    SlowEdge("chunk that stops", _begins(_chunk_cut), _BODY),
    SlowEdge("100-continue, and then nothing", _begins(_expects), _BODY),
    *(SlowEdge(f"gone {where}", _leaves(part), {}) for where, part in CUT.items()),
    *(SlowEdge(f"reset {where}", _resets(part), {}) for where, part in CUT.items()),
    *(SlowEdge(f"half closed {where}", _says_that_it_is_all(part), {}) for where, part in CUT.items()),
)
