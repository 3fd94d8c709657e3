"""Asks as a real client does: what was not answered is asked again, the same way under the same Idempotency-Key."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import httpx

ANSWER_SECONDS: Final = 4.0  # what a client gives one try
PAUSE_SECONDS: Final = 0.4  # before the next one
_AGAIN: Final = frozenset({502, 503, 504})
_CONFLICT: Final = 409
_IN_FLIGHT: Final = b"idempotency-key-in-flight"


@dataclass(slots=True)
class Patient(httpx.AsyncBaseTransport):
    """Carries requests for as long as its patience lasts.

    Attributes:
        under_way: requests that wait for an answer now, by the port they were sent to.
        again: why requests were sent again, and how often.
        failed: answers of 500 or the like, which are nobody's bad luck: always our own fault.
    """

    patience: float
    inner: httpx.AsyncBaseTransport = field(default_factory=lambda: httpx.AsyncHTTPTransport(limits=_LIMITS))
    under_way: Counter[int] = field(default_factory=Counter[int])
    again: Counter[str] = field(default_factory=Counter[str])
    failed: Counter[str] = field(default_factory=Counter[str])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send until it is answered; an answer that says "not now" is none."""
        ends = monotonic() + self.patience
        while True:
            try:
                answer = await self._once(request)
            except httpx.TransportError as error:
                if monotonic() > ends:
                    raise
                self.again[type(error).__name__] += 1
            else:
                why = self._not_now(request, answer)
                if why is None or monotonic() > ends:
                    return answer
                self.again[why] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _once(self, request: httpx.Request) -> httpx.Response:
        port = request.url.port or 80
        self.under_way[port] += 1
        try:
            answer = await self.inner.handle_async_request(request)
            await answer.aread()
        finally:
            self.under_way[port] -= 1
        return answer

    def _not_now(self, request: httpx.Request, answer: httpx.Response) -> str | None:
        status = answer.status_code
        if status in _AGAIN or (status == _CONFLICT and _IN_FLIGHT in answer.content):
            return str(status)
        if answer.is_server_error:
            self.failed[f"{request.method} {request.url.path} {status}"] += 1
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self.inner.aclose()


_LIMITS: Final = httpx.Limits(max_connections=400, max_keepalive_connections=100, keepalive_expiry=2)


def patient_client(patience: float) -> tuple[httpx.AsyncClient, Patient]:
    """A client that asks again, and what it goes through."""
    transport = Patient(patience)
    return httpx.AsyncClient(transport=transport, timeout=ANSWER_SECONDS), transport
