"""What became of stories under faults, counted at topics, databases and peers, never by a service's own counters."""

import json
import subprocess
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from hoso_stack.story import Story, subject_of
from support.aftermath import Aftermath
from support.hits import Hit
from support.inboxes import Inboxes
from support.record_log import Heard, RecordLog

ROOT: Final = Path(__file__).resolve().parents[2]
PUBLIC: Final = ("hoso.dossier.submitted.v1", "hoso.dossier.accepted.v1")
FACTS: Final = {  # each a fact that readers act on: as many different ids as this
    **dict.fromkeys(PUBLIC, 1),
    "hoso.identity.verified.v1": 1,
    "hoso.attachment.stored.v1": 1,
    "hoso.attachment.scanned.v1": 1,
    "hoso.notification.requested.v1": 4,
}
TOLD: Final = 2  # by each channel: that it was submitted, that it was accepted
ACCEPTED: Final = 2  # the dossier's status
FIELDS: Final = ("name", "trials", "effects_expected", "lost", "duplicated", "out_of_order", "unknown_outcome",
                 "longest_recovery_s")  # fmt: skip


@dataclass(slots=True)
class Verdict:
    """The counts of out/faults/<name>.json, and beside them what a reader of the numbers asks next.

    Attributes:
        unknown_outcome: sends that were in flight at a kill and whose answer nobody will know: listed, never resent.
        repeated: records and mails that came again under the same id, as at-least-once allows: each reader drops them.
        announced_only: messages that a killed peer forgot, so that notify's word stands for them.
        left_for_housekeeping: files that no dossier has and that carry the time at which they are deleted.
        findings: each loss, double, disorder or failure, in words.
        told: what else a test has to say, in words.
        measured: what else a test measured, by the name that it has in the file.
    """

    name: str
    trials: int = 0
    effects_expected: int = 0
    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    unknown_outcome: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    longest_recovery_s: float = 0.0
    repeated: Counter[str] = field(default_factory=Counter[str])
    announced_only: Counter[str] = field(default_factory=Counter[str])
    left_for_housekeeping: int = 0
    findings: list[str] = field(default_factory=list[str])
    told: list[str] = field(default_factory=list[str])
    measured: dict[str, float] = field(default_factory=dict[str, float])

    def count(self, story: Story, log: RecordLog, inboxes: Inboxes, left: Aftermath) -> None:
        """Add one story that has ended."""
        heard = log.of(story.dossier_id)
        self._count_events(story, heard)
        self._count_mails(story, heard, inboxes)
        self._count_texts(story, heard, inboxes)
        self._count_dossier(story, left)
        self._count_files(story, left)

    def count_whole(self, stories: Sequence[Story], left: Aftermath) -> None:
        """Add what is of no single story: codes given twice, objects that no row knows, what a service gave up."""
        codes = Counter(story.code for story in stories if story.code)
        self._effect("codes", len(codes), len(codes), codes.total())
        self._effect("objects that no row knows", 0, 0, len(left.objects - left.all_files.keys()))
        self.findings += [f"dead letter: {one}" for one in left.letters]
        self.findings += [f"given up: {one}" for one in left.dead if one["last_error"] != "unknown"]

    def _count_events(self, story: Story, heard: Sequence[Heard]) -> None:
        by_id: dict[UUID, Heard] = {}
        for one in heard:
            by_id.setdefault(one.event.id, one)
        first = list(by_id.values())
        self.repeated["records"] += len(heard) - len(first)
        kinds = Counter(one.event.type for one in first)
        for kind, expected in FACTS.items():
            self._effect(f"{story.dossier_id} {kind}", expected, kinds[kind], kinds[kind])
        told = {_about(one) for one in first if one.event.type == "hoso.notification.requested.v1"}
        ends = [_about(one) for one in first if _is_end(one)]
        self._effect(f"{story.dossier_id} ends of notifications", 2 * TOLD, len(set(ends) & told), len(ends))
        public = [(one.event.sequence, one.event.type) for one in first if one.topic == "dossier.lifecycle.v1"]
        self._order(f"{story.dossier_id} public stream", public, list(enumerate(PUBLIC, 1)))
        self.unknown_outcome += [_unknown(story, one) for one in first if _is_unknown(one)]

    def _count_mails(self, story: Story, heard: Sequence[Heard], inboxes: Inboxes) -> None:
        mails = inboxes.about("email", story.code)
        ids = list(dict.fromkeys(mail["message_id"] for mail in mails))
        self.repeated["mails"] += len(mails) - len(ids)  # the same Message-ID: its reader shows it once
        subjects = list(dict.fromkeys(mail["subject"] for mail in mails))
        forgotten = self._forgotten("email", heard, inboxes, TOLD - len(subjects))
        self._effect(f"{story.dossier_id} mails", TOLD, len(subjects) + forgotten, len(ids) + forgotten)
        self._order(f"{story.dossier_id} mails", subjects, sorted(subjects, key=_occasion))

    def _count_texts(self, story: Story, heard: Sequence[Heard], inboxes: Inboxes) -> None:
        texts = [text["text"] for text in inboxes.about("sms", story.code)]
        kinds = list(dict.fromkeys(texts))
        unknown = {_about(one) for one in heard if _is_unknown(one)}
        forgotten = self._forgotten("sms", heard, inboxes, TOLD - len(kinds) - len(unknown))
        reached = min(TOLD, len(kinds) + len(unknown) + forgotten)
        self._effect(f"{story.dossier_id} SMSs", TOLD, reached, reached + len(texts) - len(kinds))
        self._order(f"{story.dossier_id} SMSs", kinds, sorted(kinds, key=_occasion))

    def _forgotten(self, channel: str, heard: Sequence[Heard], inboxes: Inboxes, missing: int) -> int:
        """How many of the missing messages a peer took shortly before it was killed, by what notify announced."""
        ends = {_about(one): _data(one) for one in heard if one.event.type == "hoso.notification.delivered.v1"}
        near = sum(
            one["channel"] == channel and inboxes.died_near(channel, one["delivered_at"]) for one in ends.values()
        )
        taken = max(0, min(missing, near))
        self.announced_only[channel] += taken
        return taken

    def _count_dossier(self, story: Story, left: Aftermath) -> None:
        owner = subject_of(story.token)
        mine = [one for one in left.dossiers.get(owner, []) if str(one["id"]) == story.dossier_id]
        whole = [one for one in mine if (one["code"], one["status"], one["receipts"]) == (story.code, ACCEPTED, 1)]
        others = len(left.dossiers.get(owner, [])) + len(left.drafts.get(owner, [])) - len(mine)
        self._effect(f"{story.dossier_id} dossier", 1, len(whole), len(mine) + others)

    def _count_files(self, story: Story, left: Aftermath) -> None:
        files = left.files.get(subject_of(story.token), [])
        kept = [one for one in files if one["delete_after"] is None]
        whole = [one for one in kept if one["state"] == "scanned" and str(one["id"]) in left.objects]
        self.left_for_housekeeping += len(files) - len(kept)
        self._effect(f"{story.dossier_id} file", 1, len(whole), len(kept))

    def _effect(self, what: str, expected: int, kinds: int, all_of_them: int) -> None:
        """Count what should be there so many times: different ones, and all of them."""
        self.effects_expected += expected
        self.lost += (lost := max(0, expected - kinds))
        self.duplicated += (double := max(0, all_of_them - expected))
        if lost or double:
            self.findings.append(f"{what}: {expected} expected, {kinds} different, {all_of_them} in all")

    def _order(self, what: str, found: Sequence[object], wanted: Sequence[object]) -> None:
        if list(found) != list(wanted):
            self.out_of_order += 1
            self.findings.append(f"{what}: out of order")

    @contextmanager
    def written(self, hits: Sequence[Hit], seed: int) -> Generator[None]:
        """Write out/faults/<name>.txt with every hit when the block ends, and <name>.json when all was counted."""
        folder = ROOT / "out/faults"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").unlink(missing_ok=True)
        try:
            yield
        except BaseException as error:
            self.findings.append(f"not counted to the end: {type(error).__name__}: {error}")
            raise
        finally:
            self.trials = len(hits)
            words = [f"seed {seed}", *map(str, hits), *self.told, self.summary(), *self.findings]
            (folder / f"{self.name}.txt").write_text("\n".join(words) + "\n")
        self._write_counts(folder)

    def _write_counts(self, folder: Path) -> None:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        fields: dict[str, Any] = {name: getattr(self, name) for name in FIELDS} | self.measured
        fields["commit"] = commit.stdout.strip()
        (folder / f"{self.name}.json").write_text(json.dumps(fields, indent=2) + "\n")

    def summary(self) -> str:
        """The counts in one line, without what nobody counts as wrong being hidden."""
        return (
            f"{self.name}: {self.trials} hits, {self.effects_expected} effects: {self.lost} lost, "
            f"{self.duplicated} double, {self.out_of_order} out of order; {len(self.unknown_outcome)} unknown, "
            f"{self.repeated.total()} repeated under the same id {dict(self.repeated)}, "
            f"{self.announced_only.total()} known by announcement only, {self.left_for_housekeeping} files left "
            f"for housekeeping; longest recovery {self.longest_recovery_s} s"
        )

    def holds(self) -> bool:
        """Whether nothing was lost, done twice, out of order or given up, and only SMSs have an unknown outcome."""
        return not self.findings and all(one["channel"] == "sms" for one in self.unknown_outcome)


def _data(one: Heard) -> dict[str, Any]:
    return json.loads(one.event.data)


def _is_end(one: Heard) -> bool:
    return one.event.type in {"hoso.notification.delivered.v1", "hoso.notification.failed.v1"}


def _about(one: Heard) -> str:
    return str(_data(one).get("notification_id", one.event.id))


def _is_unknown(one: Heard) -> bool:
    return one.event.type == "hoso.notification.failed.v1" and _data(one)["reason"] == "unknown"


def _unknown(story: Story, one: Heard) -> dict[str, str]:
    data = _data(one)
    return {"dossier_id": story.dossier_id, "channel": data["channel"], "occasion": data["occasion"]}


def _occasion(words: str) -> bool:
    """False for what tells of the submission, which comes first."""
    return "đã được tiếp nhận" in words or "da duoc tiep nhan" in words
