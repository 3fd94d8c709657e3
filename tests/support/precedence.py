"""Everything that is wrong with a request at once, mended one by one: which refusal comes first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import uuid4

import httpx

from support.matrices import Covers

MATRIX: Final = "precedence of refusals, routes x faults"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request; a fault is another one."""

    method: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def having(self, **headers: str | None) -> "Sent":
        """The same with other headers; None leaves one out."""
        changed: dict[str, str | None] = {**self.headers}
        changed |= {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={name: value for name, value in changed.items() if value is not None})


Fault = tuple[str, int, str, Callable[[Sent], Sent]]
"""What is wrong, the status and slug it is told by, and how a request comes to have it."""

NO_TOKEN: Final[Fault] = ("token", 401, "token-missing", lambda sent: sent.having(authorization=None))
NO_KEY: Final[Fault] = ("key", 400, "idempotency-key-missing", lambda sent: sent.having(idempotency_key=None))
REUSED: Final[Fault] = ("key reused", 422, "idempotency-key-reused", lambda sent: sent.having(idempotency_key="used"))
MEDIA_TYPE: Final[Fault] = (
    "media type", 415, "unsupported-media-type", lambda sent: sent.having(content_type="text/plain"),
)  # fmt: skip


def role(headers: Mapping[str, str]) -> Fault:
    """The caller is one the route is not for."""
    return ("role", 403, "wrong-role", lambda sent: sent.having(**headers))


async def ask(http: httpx.AsyncClient, sent: Sent) -> httpx.Response:
    """Send it; its body is JSON when it does not say."""
    headers = {"content-type": "application/json"} | dict(sent.headers)
    return await http.request(sent.method, sent.path, content=sent.body, headers=headers)


async def refused_in_order(
    http: httpx.AsyncClient, covers: Covers, name: str, good: Sent, faults: Sequence[Fault]
) -> None:
    """Send it with all faults, without the first, without the first two and so on: each time the first is told."""
    for number, (what, *_) in enumerate(faults):
        covers(MATRIX, name, f"{number + 1}. {what}")
    for number, (what, status, slug, _) in enumerate(faults):
        sent = good.having(idempotency_key=str(uuid4()))
        for *_, spoil in reversed(faults[number:]):
            sent = spoil(sent)
        answer = await ask(http, sent)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), what
