"""What a peer has received, over HTTP: GET lists it, DELETE empties it; kept in memory, written nowhere.

PUT takes a JSON list of answers: the next messages are answered with one each instead of being taken; GET /answers
lists those still to be given.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any


@dataclass
class Inbox:
    """Messages in the order they came.

    Attributes:
        answers: what the next messages are answered instead of being taken; what they mean is the peer's affair.
    """

    messages: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    answers: list[str] = field(default_factory=list[str])
    lock: Lock = field(default_factory=Lock)

    def add(self, message: Mapping[str, Any]) -> None:
        """Keep one message."""
        with self.lock:
            self.messages.append(message)

    def refusal(self) -> str | None:
        """The answer to the message at hand; None: it is to be taken."""
        with self.lock:
            return self.answers.pop(0) if self.answers else None

    def serve(self, port: int) -> None:
        """Answer on 127.0.0.1:`port` from a thread."""
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with inbox.lock:
                    shown = inbox.answers if self.path == "/answers" else inbox.messages
                    body = json.dumps(shown, ensure_ascii=False).encode()
                self._answer(200, body)

            def do_DELETE(self) -> None:
                with inbox.lock:
                    inbox.messages.clear()
                self._answer(204, b"")

            def do_PUT(self) -> None:
                answers = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with inbox.lock:
                    inbox.answers[:] = map(str, answers)
                self._answer(204, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
                """Say nothing: contacts do not belong into a log."""

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
