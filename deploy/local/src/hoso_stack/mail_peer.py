"""The mail server of the local stack: takes every mail; `python -m hoso_stack.mail_peer SMTP_PORT HTTP_PORT`.

Its inbox' answers are SMTP replies to RCPT, such as `550 5.1.1 <{to}> is not known here`; {to} stands for the address.
"""

import email
import signal
import sys
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from hoso_stack.inbox import Inbox


class Handler:
    """Keeps what is sent."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a recipient, unless told to answer something else."""
        refusal = self.inbox.refusal()
        if refusal is not None:
            return refusal.replace("{to}", address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Take a mail."""
        message = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        text = message.get_body(("plain",))
        self.inbox.add(
            {
                "to": ", ".join(envelope.rcpt_tos),
                "from": str(message["From"]),
                "subject": str(message["Subject"]),
                "message_id": str(message["Message-ID"]),
                "text": text.get_content() if text is not None else "",
                "received_at": datetime.now(UTC).isoformat(),
            }
        )
        return "250 OK"


def main() -> None:
    """Serve until SIGTERM."""
    smtp_port, http_port = int(sys.argv[1]), int(sys.argv[2])
    inbox = Inbox()
    inbox.serve(http_port)
    controller = Controller(Handler(inbox), hostname="127.0.0.1", port=smtp_port)
    controller.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
