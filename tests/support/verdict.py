"""What became of stories while something was killed, counted at peers and topics, never by a service's counters."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hoso_stack.story import Story, Tap

ROOT: Final = Path(__file__).resolve().parents[2]
OCCASIONS: Final = 2  # submitted and accepted
PUBLIC: Final = ["hoso.dossier.submitted.v1", "hoso.dossier.accepted.v1"]


@dataclass(slots=True)
class Verdict:
    """The counts of out/faults/<name>.json.

    Attributes:
        unknown_outcome: sends that were in flight at a kill and whose answer nobody will know: listed, never resent.
    """

    name: str
    trials: int
    effects_expected: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    unknown_outcome: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    longest_recovery_s: float = 0.0

    async def count(self, story: Story, heard: Tap) -> None:
        """Add one story that has ended."""
        events = [event for topic, event in heard.of(story.dossier_id) if topic == "dossier.lifecycle.v1"]
        self._effects(len(PUBLIC), len({event.type for event in events}), len(events))
        self.out_of_order += [event.type for event in sorted(events, key=lambda one: one.sequence or 0)] != PUBLIC
        mails, texts = await story.messages("MAIL_INBOX_URL"), await story.messages("SMS_INBOX_URL")
        ids = {mail["message_id"] for mail in mails}  # one sent again is the same mail: its reader shows it once
        self._effects(OCCASIONS, len({mail["subject"] for mail in mails}), len(ids))
        unknown = self._unknown(story, heard)
        kinds = len({text["text"] for text in texts})
        self.unknown_outcome += unknown
        self._effects(OCCASIONS, min(OCCASIONS, kinds + len(unknown)), len(texts) - kinds + OCCASIONS)

    def _effects(self, expected: int, kinds: int, all_of_them: int) -> None:
        self.effects_expected += expected
        self.lost += max(0, expected - kinds)
        self.duplicated += max(0, all_of_them - expected)

    def _unknown(self, story: Story, heard: Tap) -> list[dict[str, str]]:
        failed = [json.loads(event.data) for _, event in heard.of(story.dossier_id) if event.type.endswith("failed.v1")]
        return [
            {"dossier_id": story.dossier_id, "channel": one["channel"], "occasion": one["occasion"]}
            for one in failed
            if one["reason"] == "unknown"
        ]

    def write(self) -> dict[str, Any]:
        """Write out/faults/<name>.json."""
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        fields = {name: getattr(self, name) for name in self.__slots__} | {"commit": commit.stdout.strip()}
        folder = ROOT / "out/faults"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(json.dumps(fields, indent=2) + "\n")
        return fields


def told_of(stories: Sequence[Story], heard: Tap) -> int:
    """How many notifications of these stories have ended, well or not."""
    ends = ("hoso.notification.delivered.v1", "hoso.notification.failed.v1")
    return sum(event.type in ends for story in stories for _, event in heard.of(story.dossier_id))
