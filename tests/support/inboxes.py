"""What the mail and SMS peers received, copied out again and again, because a peer that is killed forgets it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

URLS: Final = {"email": "MAIL_INBOX_URL", "sms": "SMS_INBOX_URL"}
_COPY_SECONDS: Final = 1.5
_SLACK: Final = timedelta(seconds=2)  # between the peer taking it and notify saying so
Message = dict[str, Any]


@dataclass(slots=True)
class Inboxes:
    """Copies of both inboxes, each message once, in the order in which they came."""

    env: Mapping[str, str]
    _came: dict[str, dict[tuple[str, str], Message]] = field(default_factory=lambda: {channel: {} for channel in URLS})
    _copied: dict[str, list[datetime]] = field(default_factory=lambda: {channel: [] for channel in URLS})
    _deaths: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])

    async def look(self) -> None:
        """Copy what is new; a peer that does not answer is left alone."""
        async with httpx.AsyncClient(timeout=5) as client:
            for channel, url in URLS.items():
                begun = datetime.now(UTC)
                try:
                    messages: list[Message] = (await client.get(self.env[url])).raise_for_status().json()
                except httpx.HTTPError:
                    continue
                self._copied[channel].append(begun)
                self._came[channel].update({(one["received_at"], one["message_id"]): one for one in messages})

    def about(self, channel: str, code: str) -> list[Message]:
        """The messages about a dossier, the earliest first; told by the code in the text, never by an address."""
        came = sorted(self._came[channel].items(), key=lambda item: item[0][0])
        return [message for _, message in came if code in message["text"]]

    def died(self, channel: str, at: datetime) -> None:
        """Say that the peer of a channel was killed, and what it had received is forgotten."""
        self._deaths.append((channel, at))

    def died_near(self, channel: str, delivered_at: str) -> bool:
        """Whether the peer may have taken it in the moments before its death that no copy was made of."""
        at = datetime.fromisoformat(delivered_at)
        return any(one == channel and self._unseen(channel, when) <= at <= when + _SLACK for one, when in self._deaths)

    def _unseen(self, channel: str, death: datetime) -> datetime:
        """When the last copy before a death was begun."""
        return max((begun for begun in self._copied[channel] if begun < death), default=death) - _SLACK

    async def keep_looking(self) -> None:
        """Copy until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_COPY_SECONDS)


@asynccontextmanager
async def watched_inboxes(env: Mapping[str, str]) -> AsyncGenerator[Inboxes]:
    """Inboxes that are copied while the block lasts."""
    inboxes = Inboxes(env)
    await inboxes.look()
    task = asyncio.create_task(inboxes.keep_looking())
    try:
        yield inboxes
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
