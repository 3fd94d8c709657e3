"""What all ways of the hunted person share: the stack, their stories, and what they were answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from hoso_stack.story import Story
from support.hunted import Hunted
from support.stories import RunningStack

PATIENCE = 60.0
_REFUSED = 400


@dataclass(slots=True)
class Walk:
    """One person's ways through a stack.

    Attributes:
        told: of every answer the headers, and of every refusal the body too; an answer to what is theirs may hold it.
        tried: how many things were tried, by path.
        planted: records that the walk itself wrote, by topic, partition and offset.
        dossiers: ids of those that were submitted.
        draft: a story that stays a draft, with all answers typed.
        metrics: of every process, by when and the name of its address: one that dies takes its own along.
    """

    stack: RunningStack
    person: Hunted
    client: httpx.AsyncClient
    told: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    tried: dict[str, int] = field(default_factory=dict[str, int])
    planted: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    dossiers: list[str] = field(default_factory=list[str])
    draft: Story | None = None
    metrics: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def story(self) -> Story:
        """A further story of the same person."""
        return Story(self.stack.env(), self.client, self.person.token, PATIENCE)

    async def submitted(self, **changed: Any) -> Story:
        """A dossier of theirs."""
        story = self.story()
        await story.fill_in(**self.person.answers, **changed)
        await story.submit([(await story.upload())["receipt"]])
        self.dossiers.append(story.dossier_id)
        return story

    async def ask(self, path: str, method: str, url: str, headers: Mapping[str, str], **options: Any) -> int:
        """Ask with a good client and keep what was answered; returns the status."""
        answer = await self.client.request(method, url, headers=headers, **options)
        self.heard(
            path, answer.status_code, b"\n".join(b": ".join(pair) for pair in answer.headers.raw), answer.content
        )
        return answer.status_code

    async def scrape(self, when: str) -> None:
        """Keep what the metrics of all processes say now."""
        for name, url in self.stack.env().items():
            if name.startswith("HEALTH_"):
                answer = await self.client.get(f"{url}/metrics")
                self.metrics[f"{when} {name}"] = answer.raise_for_status().content

    def heard(self, path: str, status: int, headers: bytes, body: bytes) -> None:
        """Keep an answer."""
        self.tried[path] = self.tried.get(path, 0) + 1
        self.told.append((path, headers + (b"\n" + body if status >= _REFUSED else b"")))
