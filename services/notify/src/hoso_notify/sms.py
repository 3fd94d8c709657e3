"""Hands SMS over by SMPP 3.4, on one bound session; it writes no texts and knows no dossiers."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import structlog
from smpp34 import Client, SmppError, Smsc

from hoso_notify.policy import SMPP_LOST, ProviderUnavailable, RejectedByProvider, smpp_failure
from hoso_notify.segments import Segmented

_DATA_CODING: Final = {"gsm-7": 0x00, "ucs-2": 0x08}  # SMPP 3.4, 5.2.19; 0: the centre's own alphabet, GSM 03.38
_HAS_HEADER: Final = 0x40  # esm_class: the message begins with a user data header (5.2.12)
_SHORT_CODE: Final = 8  # digits up to which a number is an operator's own
_LATER: Final = 0.5  # seconds before a part of a begun message is offered again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SmsCentre:
    """Where SMS are handed over, and as whom."""

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    tls: bool = False
    window: int = 8
    timeout: float = 10.0

    def client(self) -> Client:
        """A client that is not connected; it keeps its session alive by itself, asking every 30 seconds."""
        return Client(
            self.host,
            self.port,
            self.system_id,
            self.password,
            bind_type="TX",
            tls=self.tls,
            window_size=self.window,
            connect_timeout_ms=int(self.timeout * 1000),
        )


@dataclass(slots=True, eq=False)
class Session:
    """A bound session. One that is retired takes nothing more and is closed when its last answer is in."""

    client: Client
    smsc: Smsc
    under_way: int = 0
    retired: bool = False

    async def usable(self) -> bool:
        """Whether the next message may go this way."""
        return not self.retired and await self.client.is_alive()

    async def close(self) -> None:
        """Take leave of the centre, if it is there, and close."""
        with suppress(SmppError, TimeoutError):
            await asyncio.wait_for(self.smsc.unbind(), 1)
        with suppress(SmppError, TimeoutError):
            await asyncio.wait_for(self.client.stop(), 1)


@dataclass(slots=True)
class SmsSender:
    """Sends SMS. What is not certain to have been refused is told as unknown, because it is never sent again.

    Attributes:
        source: brand name or number that SMS come from.
        session: the bound session, if there is one.
    """

    centre: SmsCentre
    source: str
    session: Session | None = None
    _binding: asyncio.Task[Session] | None = None

    async def __aenter__(self) -> Self:
        """Open nothing: the session is made when there is something to send."""
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _place: TracebackType | None
    ) -> None:
        """Take leave of the centre and close."""
        if self._binding is not None:
            self._binding.cancel()
        session, self.session = self.session, None
        if session is not None:
            await session.close()

    async def send(self, notification_id: UUID, recipient: str, segmented: Segmented) -> None:
        """Hand all parts over, in order; `recipient` is in E.164.

        Raises:
            ProviderUnavailable: nothing was taken, surely, and it may be later.
            RejectedByProvider: the centre will not take this message.
            OutcomeUnknown: something was taken, or may have been.
        """
        fields = self._fields(recipient, segmented)
        first, *others = _short_messages(notification_id, segmented)
        await self._submit(first, fields)
        for part in others:
            await self._follow_up(part, fields)

    async def _follow_up(self, part: bytes, fields: dict[str, Any]) -> None:
        """Submit a part of a message that is begun: refused is no way out any more, later is tried until it works."""
        while True:
            try:
                return await self._submit(part, fields)
            except RejectedByProvider:
                raise SMPP_LOST["a later part refused"] from None
            except ProviderUnavailable:
                await asyncio.sleep(_LATER)

    async def _submit(self, short_message: bytes, fields: dict[str, Any]) -> None:
        session = await self._bound()
        session.under_way += 1
        try:
            async with asyncio.timeout(self.centre.timeout):
                answer = await session.smsc.submit_sm(short_message=short_message, **fields)
        except Exception as error:  # noqa: BLE001 - whatever it was, the message may have been written before
            log.warning("sms-answer-lost", error=type(error).__name__)
            session.retired = True
            raise SMPP_LOST["no answer to a message"] from None
        except BaseException:
            session.retired = True
            raise
        finally:
            session.under_way -= 1
            if session.retired and not session.under_way:
                await session.close()
        if not answer.is_success:
            log.warning("sms-not-taken", status=f"{answer.command_status:#010x}")
            raise smpp_failure(answer.command_status)

    async def _bound(self) -> Session:
        """The session, bound anew when there is none that can be used; all who wait share one attempt."""
        if self.session is not None and await self.session.usable():
            return self.session
        if self._binding is None or self._binding.done():
            self._binding = asyncio.create_task(self._bind())
        session = await asyncio.shield(self._binding)
        self.session = session
        return session

    async def _bind(self) -> Session:
        client = self.centre.client()
        try:
            async with asyncio.timeout(self.centre.timeout):
                return Session(client, await client.connect())
        except (SmppError, TimeoutError, OSError) as error:
            log.warning("sms-centre-away", error=type(error).__name__)
            raise SMPP_LOST["no session"] from None

    def _fields(self, recipient: str, segmented: Segmented) -> dict[str, Any]:
        """What is the same in every part. Type and plan of a number: SMPP 3.4, 5.2.5 and 5.2.6."""
        ton, npi = (5, 0) if not self.source.isdigit() else (3, 0) if len(self.source) <= _SHORT_CODE else (1, 1)
        return {
            "source_addr": self.source,
            "source_addr_ton": ton,
            "source_addr_npi": npi,
            "destination_addr": recipient.removeprefix("+"),
            "dest_addr_ton": 1,
            "dest_addr_npi": 1,
            "data_coding": _DATA_CODING[segmented.encoding],
            "esm_class": _HAS_HEADER if len(segmented.parts) > 1 else 0,
        }


def _short_messages(notification_id: UUID, segmented: Segmented) -> Iterator[bytes]:
    """Each part; of several, after the header that joins them (3GPP TS 23.040, 9.2.3.24.1)."""
    total, reference = len(segmented.parts), notification_id.int & 0xFF
    for number, octets in enumerate(segmented.octets(), 1):
        yield (bytes((5, 0, 3, reference, total, number)) if total > 1 else b"") + octets
