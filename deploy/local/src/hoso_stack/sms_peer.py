"""The SMS centre of the local stack (SMPP 3.4): takes every SMS and shows it as a telephone would; writes nothing.

`python -m hoso_stack.sms_peer SMPP_PORT HTTP_PORT`; every account may bind. Its inbox' answers are numbers of
SMPP statuses (5.1.3), each for one part.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

import smpp34

from hoso_stack.inbox import Inbox

UCS_2: Final = 0x08
HAS_HEADER: Final = 0x40  # esm_class: the text begins with a user data header (3GPP TS 23.040)
GSM_7_ESCAPED: Final = dict(zip(b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", "\f^{}\\[~]|€", strict=True))
GSM_7: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)


def text_of(octets: bytes, coding: int) -> str:
    """What a telephone would show."""
    if coding == UCS_2:
        return octets.decode("utf-16-be")
    letters = iter(octets)
    return "".join(GSM_7_ESCAPED[next(letters)] if code == 0x1B else GSM_7[code] for code in letters)  # noqa: PLR2004


class Centre:
    """Joins the parts of each SMS and keeps it in the inbox when all are there."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.waiting: dict[tuple[str, int], dict[int, bytes]] = {}
        self.numbers = count(1)

    def take(self, event: Any) -> None:
        """Accept one part, unless told to answer another status."""
        refusal = self.inbox.refusal()
        if refusal is not None:
            event.reject(int(refusal))
            return
        message_id = f"sms-{next(self.numbers)}"
        body, reference, parts, number = event.short_message, 0, 1, 1
        if event.esm_class & HAS_HEADER:
            reference, parts, number = body[3], body[4], body[5]
            body = body[body[0] + 1 :]
        key = (event.destination_addr, reference) if parts > 1 else (message_id, 0)
        come = self.waiting.setdefault(key, {})
        come[number] = body
        if len(come) == parts:
            del self.waiting[key]
            self.inbox.add(self._message(event, [come[part] for part in sorted(come)], message_id))
        event.accept(message_id)

    def _message(self, event: Any, bodies: list[bytes], message_id: str) -> Mapping[str, Any]:
        return {
            "to": event.destination_addr,
            "from": event.source_addr,
            "text": text_of(b"".join(bodies), event.data_coding),
            "parts": len(bodies),
            "encoding": "ucs-2" if event.data_coding == UCS_2 else "gsm-7",
            "message_id": message_id,
            "received_at": datetime.now(UTC).isoformat(),
        }


async def serve(smpp_port: int, http_port: int) -> None:
    """Serve until SIGTERM."""
    inbox = Inbox()
    inbox.serve(http_port)
    centre, server, ended = Centre(inbox), smpp34.Server("127.0.0.1", smpp_port), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await server.start()

    async def take_all() -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.SubmitSmEvent):
                centre.take(event)

    taking, ending = asyncio.create_task(take_all()), asyncio.create_task(ended.wait())
    await asyncio.wait({taking, ending}, return_when=asyncio.FIRST_COMPLETED)
    taking.cancel()
    ending.cancel()
    await server.stop()
    if taking.done() and not taking.cancelled():
        taking.result()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
    os._exit(0)  # the library's own threads abort an ordinary end
