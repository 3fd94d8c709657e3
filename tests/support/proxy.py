"""A TCP forwarder in front of a real part, so that a test can take the part away, spoil the way to it, and mend it."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing tells the other side by RST, at once


@dataclass(eq=False, slots=True)
class _Way:
    """One connection: the client's end, and the part's."""

    client: asyncio.StreamWriter
    part: asyncio.StreamWriter
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])
    open: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Proxy:
    """Forwards 127.0.0.1:`port` to `target_port`; `cut` closes everything, `mend` opens the same port again.

    Attributes:
        delay: seconds that whatever comes waits before it goes on, both ways.
        spoilt: what every new connection is answered instead of the part's words, whatever is said; then it ends.
        carried: octets that went through.
    """

    target_port: int
    port: int = 0
    delay: float = 0.0
    spoilt: bytes | None = None
    carried: int = 0
    _server: asyncio.Server | None = None
    _ways: set[_Way] = field(default_factory=set[_Way])
    _holding: bool = False

    @property
    def connections(self) -> int:
        """How many go through now."""
        return len(self._ways)

    def target(self) -> int:
        """The port to forward to."""
        return self.target_port

    async def mend(self) -> None:
        """Forward again, on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Listen no more, and end every connection."""
        if self._server is not None:
            self._server.close()
        await self.reset()

    async def reset(self) -> None:
        """End every connection by RST; new ones are taken."""
        ways, self._ways = self._ways, set()
        for way in ways:
            for end in (way.client, way.part):
                _reset(end)
            for task in way.tasks:
                task.cancel()
        await asyncio.gather(*(task for way in ways for task in way.tasks), return_exceptions=True)

    def hold(self) -> None:
        """Carry nothing any more and close nothing, as a network that loses every packet."""
        self._holding = True
        for way in self._ways:
            way.open.clear()

    def let_go(self) -> None:
        """Carry again, what was held first."""
        self._holding = False
        for way in self._ways:
            way.open.set()

    def half_open(self) -> None:
        """End every connection on the part's side alone: the client is told, by RST, when it next says something."""
        for way in list(self._ways):
            way.tasks[1].cancel()  # what the part would still have said
            _reset(way.part)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.spoilt is not None:
            await self._spoil(reader, writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target())
        except OSError:
            _reset(writer)
            return
        way = _Way(writer, back)
        if not self._holding:
            way.open.set()
        self._ways.add(way)
        way.tasks = [
            asyncio.create_task(self._carry(way, reader, back)),
            asyncio.create_task(self._carry(way, there, writer)),
        ]

    async def _spoil(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self.spoilt is not None
        writer.write(self.spoilt)
        with suppress(OSError, TimeoutError):
            await writer.drain()
            async with asyncio.timeout(0.2):
                await reader.read(65_536)  # unread, it would turn the end into a RST that overtakes the answer
        writer.close()

    async def _carry(self, way: _Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await way.open.wait()
                if sink.transport.is_closing():
                    _reset(way.client)
                    break
                self.carried += len(data)
                sink.write(data)
                await sink.drain()
        except OSError:
            _reset(way.client)
        finally:
            if sink is way.client or not way.client.transport.is_closing():
                sink.close()
            if all(end.transport.is_closing() for end in (way.client, way.part)):
                self._ways.discard(way)


def _reset(end: asyncio.StreamWriter) -> None:
    place = end.get_extra_info("socket")
    with suppress(OSError):
        place.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    end.transport.abort()
