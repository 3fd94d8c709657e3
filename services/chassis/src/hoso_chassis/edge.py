"""The HTTP parser's edge: what never becomes a request is refused as a problem, in bounded memory and time."""

from asyncio import TimerHandle, Transport
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from hoso_chassis import limits
from hoso_chassis.heads import is_sound, without_upgrade
from hoso_chassis.problems import MEDIA_TYPE, standard

HEAD_BYTES = 32_768
HEAD_SECONDS = 10.0
READ_BYTES = 32_768  # of the socket at a time: by default a thousand clients have 256 KB each read before any is heard
_FRAMING = 16  # bytes of chunk sizes, extensions and trailers for a byte of the body, beyond HEAD_BYTES


@runtime_checkable
class _ReadsAtMost(Protocol):
    max_size: int


class Refused(Exception):  # a decision, not a fault
    """The head is refused, by the status that the protocol noted."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with limits on the size and the time of what is around a body, and on what waits.

    httptools keeps a header in memory until its end: 100 MB were accepted with 274 MB resident. Here at most two reads
    of the socket beyond the limit are kept: the same 100 MB end with nothing to see. Of a body at most one read waits
    for the application.
    """

    head_seconds = HEAD_SECONDS
    parser: httptools.HttpRequestParser  # None once the connection is lost: nothing is parsed then

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # uvicorn's own arguments
        super().__init__(*args, **kwargs)
        self._in_head, self._in_body, self._upgrading = True, False, False
        self._heads = self._head_bytes = 0
        self._body_bytes = self._framing_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._refusal = 400
        self._unanswered = 0
        self._owed: int | None = None
        self._dropped: int | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        if isinstance(transport, _ReadsAtMost):  # of asyncio's own loop, which our processes run; uvloop's has none
            transport.max_size = READ_BYTES
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; refuse a head, or what is around a body, that goes on beyond the limit."""
        if self._dropped is not None:
            self._drop(len(data))
        if self._is_over():
            return
        head, body = self._heads, self._body_bytes
        self._parse(data)
        if self._is_over():
            return
        if head == self._heads and self._in_head:  # a chunk in which a head begins may also end a body: not counted
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431)
        elif head == self._heads and self._in_body:
            self._framing_bytes += len(data) - (self._body_bytes - body)
            if self._framing_bytes > HEAD_BYTES + _FRAMING * self._body_bytes:
                self._refuse(400)
        elif self.timeout_keep_alive_task is None and not self._unanswered:
            self._wait_for_head()
        if self._in_body and self.cycle.body and not self.cycle.response_complete:
            self.flow.pause_reading()  # until the application asks for it

    def on_message_begin(self) -> None:
        """Begin to wait for the end of the headers."""
        super().on_message_begin()
        self._in_head, self._heads, self._head_bytes = True, self._heads + 1, 0
        self._wait_for_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is dropped, it would be taken for one (RFC 9110, section 6.5.1)."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large although it came at once, or ambiguous; else let the request begin."""
        version, method = self.parser.get_http_version(), self.parser.get_method()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES or method == b"CONNECT" or not is_sound(version, self.url, self.headers):
            self._refusal = 431 if size > HEAD_BYTES else 400
            raise Refused
        if self.parser.should_upgrade():
            self._upgrading = True
            return
        super().on_headers_complete()  # raises for a target that is no URL
        self._in_head, self._in_body = False, True
        self._body_bytes = self._framing_bytes = 0
        self._unanswered += 1
        self._stop_waiting()

    def on_body(self, body: bytes) -> None:
        """Count it and hand it on."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's body."""
        if not self._upgrading:
            self._in_body = False
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or give the refusal that had to wait for this answer."""
        self._unanswered -= 1
        super().on_response_complete()
        if self._owed is not None and not self._unanswered and not self.transport.is_closing():
            self._answer(self._owed)

    def _parse(self, data: bytes) -> None:
        """Parse; a wish for another protocol is passed over, with which the parser would lose the body."""
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as wish:
                self._upgrading = False
                method, version = self.parser.get_method(), self.parser.get_http_version()
                data = without_upgrade(method, self.url, version, self.headers) + data[wish.args[0] :]
            except httptools.HttpParserError:
                self.logger.warning("Invalid HTTP request received.")
                self._refuse(self._refusal)
                data = b""

    def _is_over(self) -> bool:
        return self._owed is not None or self._dropped is not None or self.transport.is_closing()

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_late)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self._head_timer = None
        if self._in_head and self._heads:
            self._refuse(408)
        else:
            self.transport.close()

    def _refuse(self, status: int) -> None:
        """Refuse what came last, once every whole request before it has its answer."""
        if self._is_over():
            return
        if self._in_body and self.cycle.response_started:  # it has its answer and needs no other
            self._give_up(self.cycle)
            self._linger()
            return
        if self._in_body:
            self._give_up(self.cycle)
        if self._unanswered:
            self._owed = status
            self.flow.pause_reading()
        else:
            self._answer(status)

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """Let the application know that no more of this request comes."""
        self._in_body = False
        self._unanswered -= 1
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
        cycle.disconnected = True
        cycle.message_event.set()

    def _answer(self, status: int) -> None:
        body = standard(status).document()
        head = [STATUS_LINE[status]]
        head += [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        head += [
            b"content-type: " + MEDIA_TYPE.encode() + b"\r\n",
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n",
        ]
        self.transport.write(b"".join(head) + body)
        self._linger()

    def _linger(self) -> None:
        """Say that there is no more to read, and drop what still comes for a while: see `limits.LINGER_SECONDS`."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self._dropped = 0
        with suppress(OSError):  # reset meanwhile
            self.transport.write_eof()
        self.flow.resume_reading()
        self._head_timer = self.loop.call_later(limits.LINGER_SECONDS, self.transport.close)

    def _drop(self, size: int) -> None:
        self._dropped = (self._dropped or 0) + size
        if self._dropped > limits.LINGER_BYTES:
            self.transport.close()
