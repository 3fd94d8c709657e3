"""A real SMTP server and a real SMS centre in this process; what they answer depends on who is written to."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import smpp34
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"
SYSTEM_ERROR, WRONG_DESTINATION, QUEUE_FULL, THROTTLED = 0x08, 0x0B, 0x14, 0x58  # SMPP 3.4, 5.1.3


@dataclass
class MailPeer:
    """A mail server: `answers` say what it answers to RCPT and DATA per recipient, one after the other, then 250.

    "cut" as an answer to DATA: it has taken the mail, and the connection breaks before it says so; "hold": it says
    nothing.
    """

    port: int = 0
    answers: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])
    inbox: list[tuple[str, EmailMessage]] = field(default_factory=list[tuple[str, EmailMessage]])
    seen: Counter[str] = field(default_factory=Counter[str])

    def taken(self, recipient: str) -> list[EmailMessage]:
        return [mail for to, mail in self.inbox if to == recipient]

    def _answer(self, command: str, recipient: str) -> str:
        self.seen[f"{command} {recipient}"] += 1
        waiting = self.answers.get((command, recipient), [])
        return waiting.pop(0) if waiting else OK

    async def handle_EHLO(  # noqa: N802
        self, _: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        self.seen["EHLO"] += 1
        session.host_name = hostname
        return answers

    async def handle_RCPT(  # noqa: N802
        self, _: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self._answer("RCPT", address)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        (recipient,) = envelope.rcpt_tos
        answer = self._answer("DATA", recipient)
        if answer in (OK, "cut"):
            assert isinstance(envelope.content, bytes)
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.inbox.append((recipient, mail))
        if answer == "hold":
            await asyncio.Event().wait()
        if answer == "cut":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return OK if answer == "cut" else answer


@asynccontextmanager
async def mail_peer() -> AsyncGenerator[MailPeer]:
    """A mail server on a free port."""
    peer = MailPeer()
    loop, connections = asyncio.get_running_loop(), list[SMTP]()

    def accept() -> SMTP:
        connections.append(SMTP(peer, hostname="peer", loop=loop))
        return connections[-1]

    server = await loop.create_server(accept, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for connection in connections:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()


@dataclass(frozen=True)
class Sms:
    """An SMS as it would stand on the telephone, joined from its parts."""

    source: str
    to: str
    text: str
    parts: int
    data_coding: int


@dataclass
class SmsPeer:
    """An SMS centre: `answers` are statuses per recipient, one after the other, then accepted; None: no answer."""

    port: int
    answers: dict[str, list[int | None]] = field(default_factory=dict[str, list[int | None]])
    submits: list[Any] = field(default_factory=list[Any])
    accepted: list[Any] = field(default_factory=list[Any])
    held: list[Any] = field(default_factory=list[Any])
    bound: int = 0

    def asked(self, to: str) -> int:
        """How many submits of a recipient came in, whatever was answered."""
        return sum(event.destination_addr == to for event in self.submits)

    def inbox(self, to: str) -> list[Sms]:
        """What a recipient got, joined by the references of the parts."""
        joined: dict[object, dict[int, Any]] = {}
        for place, event in enumerate(self.accepted):
            if event.destination_addr == to:
                header = event.short_message[:6] if event.esm_class & 0x40 else None
                reference = header[3] if header else f"alone {place}"
                joined.setdefault(reference, {})[header[5] if header else 1] = event
        return [_joined(parts) for parts in joined.values()]

    async def serve(self, server: smpp34.Server) -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                self.bound += 1
            elif isinstance(event, smpp34.SubmitSmEvent):
                self._take(event)

    def _take(self, event: smpp34.SubmitSmEvent) -> None:
        self.submits.append(event)
        waiting = self.answers.get(event.destination_addr, [])
        status = waiting.pop(0) if waiting else 0
        if status is None:
            self.held.append(event)
        elif status:
            event.reject(status)
        else:
            self.accepted.append(event)
            event.accept(f"id-{len(self.accepted)}")


def _joined(parts: dict[int, Any]) -> Sms:
    numbers = sorted(parts)
    first = parts[numbers[0]]
    bodies = [parts[number].short_message[6 if first.esm_class & 0x40 else 0 :] for number in numbers]
    encoding = (
        "utf-16-be" if first.data_coding == 0x08 else "ascii"
    )  # GSM-7 and ASCII agree on the letters of our texts
    return Sms(
        first.source_addr, first.destination_addr, b"".join(bodies).decode(encoding), len(numbers), first.data_coding
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@asynccontextmanager
async def sms_peer() -> AsyncGenerator[SmsPeer]:
    """An SMS centre on a free port."""
    peer = SmsPeer(free_port())
    server = smpp34.Server("127.0.0.1", peer.port)
    await server.start()
    serving = asyncio.create_task(peer.serve(server))
    try:
        yield peer
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await server.stop()


@asynccontextmanager
async def mute_peer() -> AsyncGenerator[int]:
    """The port of something that accepts connections and never says anything, like a process that was stopped."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()
