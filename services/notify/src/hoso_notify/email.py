"""Hands mails over by SMTP, on connections that are kept open; it writes no texts and knows no dossiers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from time import monotonic
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import UUID

import structlog
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from hoso_notify.policy import SMTP_LOST, NotWritable, ProviderUnavailable, RejectedByProvider, smtp_failure
from hoso_notify.recipients import mailbox
from hoso_notify.templates import Letter

_UTF_8: Final = Charset("utf-8")
_UTF_8.body_encoding = QP  # a server without 8BITMIME takes it too, and a person can read it
_FRESH: Final = 60.0  # seconds an idle connection is trusted; servers close theirs after some minutes

T = TypeVar("T")

log = structlog.get_logger()


def compose(sender: Address, notification_id: UUID, recipient: str, letter: Letter, at: datetime) -> bytes:
    """The mail as it is handed over. Its Message-ID is the same each time, so that a second copy can be told.

    Headers are encoded by the older half of the standard library: the newer one loses a space where it folds them.

    Raises:
        NotWritable: a header would hold a line break, or the recipient is no address.
    """
    if not letter.subject.isprintable() or mailbox(recipient) is None:
        raise NotWritable
    mail = Message()
    mail["From"] = f"{_encoded('From', sender.display_name)} <{sender.addr_spec}>".lstrip()
    mail["To"] = recipient
    mail["Subject"] = _encoded("Subject", letter.subject)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{notification_id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office reply, please
    mail["Content-Language"] = "vi"
    mail.set_payload(letter.text, _UTF_8)
    return mail.as_bytes(policy=compat32.clone(linesep="\r\n"))


def _encoded(name: str, words: str) -> str:
    return Header(words, "utf-8", header_name=name).encode()


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over, and how. `security`: opportunistic, starttls, tls or none."""

    host: str
    port: int
    security: str = "opportunistic"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: float = 10.0

    async def connect(self, local_hostname: str) -> SMTP:
        """Open a connection, with TLS and log-in as configured."""
        connection = SMTP(
            hostname=self.host,
            port=self.port,
            local_hostname=local_hostname,
            username=self.username,
            password=self.password,
            timeout=self.timeout,
            use_tls=self.security == "tls",
            start_tls={"opportunistic": None, "starttls": True}.get(self.security, False),
        )
        await connection.connect()
        return connection


@dataclass(slots=True)
class Mailer:
    """Sends mails, each on a connection of its own for as long as it takes; callers bound how many at a time.

    Attributes:
        idle: connections that may be used again, with the time since when nobody does.
    """

    server: MailServer
    sender: Address
    clock: Callable[[], datetime]
    idle: list[tuple[SMTP, float]] = field(default_factory=list[tuple[SMTP, float]])

    async def __aenter__(self) -> Self:
        """Open nothing: connections are made when there is something to send."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _place: TracebackType | None
    ) -> None:
        """Take leave of the server and close."""
        connections, self.idle = [connection for connection, _ in self.idle], []
        await asyncio.gather(*(_leave(connection) for connection in connections))

    async def send(self, notification_id: UUID, recipient: str, letter: Letter) -> None:
        """Hand one mail over.

        Raises:
            NotWritable: it cannot be written as a mail.
            ProviderUnavailable: it was surely not taken, and may be later.
            RejectedByProvider: the server will not take this mail.
            OutcomeUnknown: the server's answer to the whole mail was lost.
        """
        mail = compose(self.sender, notification_id, recipient, letter, self.clock())
        connection = await self._connection()
        try:
            await _step("MAIL", connection.mail(self.sender.addr_spec))
            await _step("RCPT", connection.rcpt(recipient))
            await _step("DATA", connection.data(mail))
        except (ProviderUnavailable, RejectedByProvider):
            await self._reset(connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(connection)

    async def _connection(self) -> SMTP:
        """One that was used a short while ago, else a new one."""
        while self.idle:
            connection, since = self.idle.pop()
            if connection.is_connected and monotonic() - since < _FRESH:
                return connection
            connection.close()
        return await _step("CONNECT", self.server.connect(self.sender.domain))

    def _keep(self, connection: SMTP) -> None:
        if connection.is_connected:
            self.idle.append((connection, monotonic()))

    async def _reset(self, connection: SMTP) -> None:
        """Make an end to a mail that was not taken, so that the connection can be used for the next."""
        try:
            if connection.is_connected:
                await connection.rset()
        except (SMTPException, OSError):
            connection.close()
        except BaseException:
            connection.close()
            raise
        self._keep(connection)


async def _step(command: str, answer: Awaitable[T]) -> T:
    """Wait for an answer and say what it means when it is no success; the server's words may hold an address."""
    try:
        return await answer
    except SMTPResponseException as error:
        log.warning("mail-not-taken", command=command, code=error.code)
        raise smtp_failure(command, error.code, error.message) from None
    except (SMTPException, OSError) as error:
        log.warning("mail-server-away", command=command, error=type(error).__name__)
        raise SMTP_LOST[command] from None


async def _leave(connection: SMTP) -> None:
    with suppress(SMTPException, OSError, TimeoutError):
        await asyncio.wait_for(connection.quit(), 2)
    connection.close()
