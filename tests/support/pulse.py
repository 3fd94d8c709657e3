"""Whether a scene lives: codes are given, and citizens are told, after a fault; seen by clients and topics alone."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from support.scene import Scene
from support.waiting import until_async

_WAIT_SECONDS: Final = 90.0  # far more than may be: the number is looked at afterwards
_WITHOUT: Final[Mapping[str, set[str]]] = {  # what cannot go on without a system
    "minio": {"file", "code"},
    "smtp": {"email"},
    "smpp": {"sms"},
    "population": {"identity"},
}
_KINDS: Final = {"hoso.identity.verified.v1": "identity", "hoso.attachment.scanned.v1": "file"}
_TOLD: Final = "hoso.notification.delivered.v1"


@dataclass(slots=True)
class Pulse:
    """How long the whole chain took to move again, from the submission to the last message.

    Attributes:
        longest_s: the longest of all.
    """

    on: Scene
    longest_s: float = 0.0

    async def again(self) -> float:
        """Wait until somebody gets a code, an identity and a file are answered for, and somebody is told; seconds."""
        self.longest_s = max(self.longest_s, took := await self._until(lambda _: True))
        return took

    async def others_than(self, system: str) -> float:
        """Wait until all moves that needs nothing of this outside system; seconds."""
        return await self._until(lambda kind: kind not in _WITHOUT[system])

    async def _until(self, counts: Callable[[str], bool]) -> float:
        before, began = self._beats(), monotonic()

        async def beats() -> bool:
            return all(count > before[kind] for kind, count in self._beats().items() if counts(kind))

        await until_async(beats, within=_WAIT_SECONDS)
        return round(monotonic() - began, 2)

    def _beats(self) -> Mapping[str, int]:
        beats: dict[str, int] = dict.fromkeys(("code", "identity", "file", "email", "sms"), 0)
        for story in self.on.crowd.stories:
            beats["code"] += bool(story.code)
            for one in self.on.log.of(story.dossier_id):
                kind = json.loads(one.event.data)["channel"] if one.event.type == _TOLD else _KINDS.get(one.event.type)
                if kind is not None:
                    beats[kind] += 1
        return beats
