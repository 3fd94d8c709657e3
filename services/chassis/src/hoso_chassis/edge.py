"""The HTTP parser's edge: what never becomes a request is refused as a problem, in bounded memory and time."""

from asyncio import TimerHandle, Transport
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hoso_chassis.problems import MEDIA_TYPE, standard

HEAD_BYTES = 32_768
HEAD_SECONDS = 10.0


class TooLarge(Exception):  # a decision, not a fault
    """Request line and headers are larger than `HEAD_BYTES`."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol with a limit on the size and the time of request line and headers.

    httptools keeps a header in memory until its end: 100 MB were accepted with 274 MB resident. Here at most two reads
    of the socket (256 KiB each) beyond the limit are kept: the same 100 MB end after 1 MB, with nothing to see.
    """

    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # uvicorn's own arguments
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._heads = 0
        self._head_bytes = 0
        self._head_timer: TimerHandle | None = None
        self._refusal = 400

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for a first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; refuse a head that goes on beyond the limit."""
        if self.transport.is_closing():
            return
        head = self._heads
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and head == self._heads:  # a chunk in which a head begins may also end a body: not counted
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._refuse(431)
        elif self.timeout_keep_alive_task is None and not (self.cycle and not self.cycle.response_complete):
            self._wait_for_head()

    def on_message_begin(self) -> None:
        """Begin to wait for the end of the headers."""
        super().on_message_begin()
        self._in_head, self._heads, self._head_bytes = True, self._heads + 1, 0
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Refuse a head that is too large although it came at once; else let the request begin."""
        self._in_head = False
        self._stop_waiting()
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > HEAD_BYTES:
            self._refusal = 431
            raise TooLarge
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the parser's words are not for people
        """Answer what the parser could not read, or what was too large, with a problem document."""
        self._refuse(self._refusal)

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
        if self.transport.is_closing():
            return
        body = standard(status).document()
        head = [STATUS_LINE[status]]
        head += [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        head += [
            b"content-type: " + MEDIA_TYPE.encode() + b"\r\n",
            b"content-length: %d\r\n" % len(body),
            b"connection: close\r\n\r\n",
        ]
        self.transport.write(b"".join(head) + body)
        self.transport.close()
