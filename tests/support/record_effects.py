"""What a service has made of the records of one partition, seen from outside: letters, inbox, metrics, effects."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from hoso_contracts.registry import event_types
from support.kept import read_all
from support.record_consumers import Place, Subject
from support.stories import RunningStack

_LETTERS: Final = """
SELECT record_offset, key, value, header_names, header_values, type, reason, detail
FROM dead_letters WHERE topic = $1 AND partition = $2 AND record_offset = ANY($3::bigint[])
"""
_LINES: Final = """
SELECT dossier_id FROM timeline WHERE kind = 'notification-delivered' AND dossier_id = ANY($1::uuid[])
"""
_SAMPLE: Final = re.compile(r"(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)")
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reader:
    """The worker that reads at a place."""

    stack: RunningStack
    place: Place

    @property
    def part(self) -> str:
        return f"{self.place.service}-worker"

    @property
    def pid(self) -> str:
        return self.stack.env()[f"PID_{self.place.service.upper()}_WORKER"]

    @property
    def log_lines(self) -> int:
        return len((self.stack.folder / f"logs/{self.part}.log").read_bytes().splitlines())

    async def rows(self, query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        """Ask the service's database."""
        connection = await asyncpg.connect(self.stack.env()[f"{self.place.service.upper()}_DATABASE_URL"])
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def next_offset(self, partition: int) -> int:
        """Where it stands, by its position row."""
        query = "SELECT next_offset FROM positions WHERE topic = $1 AND partition = $2"
        rows = await self.rows(query, self.place.topic, partition)
        return rows[0]["next_offset"] if rows else 0

    async def letters(self, partition: int, offsets: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        """Its dead letters, by offset; a record has one at most."""
        rows = await self.rows(_LETTERS, self.place.topic, partition, offsets)
        letters = {row["record_offset"]: row for row in rows}
        assert len(letters) == len(rows), "a record died twice"
        return letters

    async def forget_letters(self, partition: int) -> None:
        """Delete its dead letters of the partition."""
        query = "DELETE FROM dead_letters WHERE topic = $1 AND partition = $2"
        await self.rows(query, self.place.topic, partition)

    async def known(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of these event ids its inbox has."""
        rows = await self.rows("SELECT DISTINCT id FROM inbox WHERE id = ANY($1::uuid[])", ids)
        return {row["id"] for row in rows}

    async def metrics(self) -> "Numbers":
        """What its metrics say now."""
        async with httpx.AsyncClient(timeout=30) as client:
            url = self.stack.env()[f"HEALTH_{self.place.service.upper()}_WORKER"]
            return Numbers((await client.get(f"{url}/metrics")).raise_for_status().text, self.place)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The metrics of a worker at one moment."""

    text: str
    place: Place

    def counts(self) -> Counter[str]:
        """Records of the place's topic by what became of them, dead letters by their reason."""
        found: Counter[str] = Counter()
        for sample in _SAMPLE.finditer(self.text):
            labels = dict(_LABEL.findall(sample["labels"]))
            if labels.get("topic") != self.place.topic or not sample["name"].endswith("_total"):
                continue
            if "outcome" in labels or "reason" in labels:
                found[labels.get("outcome") or labels["reason"]] += int(float(sample["value"]))
        return found

    def lag(self, partition: int) -> float:
        """Records that it believes to have before it."""
        for sample in _SAMPLE.finditer(self.text):
            labels = dict(_LABEL.findall(sample["labels"]))
            if (labels.get("topic"), labels.get("partition")) == (self.place.topic, str(partition)):
                return float(sample["value"])
        raise AssertionError("the metrics know no lag of the partition")

    @property
    def cpu_seconds(self) -> float:
        found = re.search(r"^process_cpu_seconds_total (\S+)", self.text, re.MULTILINE)
        assert found
        return float(found[1])


async def effects(reader: Reader, subjects: Sequence[Subject]) -> Counter[tuple[UUID, str]]:
    """What followed from records about these dossiers: how often each effect of the place."""
    found: Counter[tuple[UUID, str]] = Counter()
    ids = {str(one.dossier_id).encode(): one.dossier_id for one in subjects}
    topics = {kind: event_types()[kind].topic for kind in reader.place.effects if kind in event_types()}
    for one in await read_all(reader.stack.env()["KAFKA_BOOTSTRAP_SERVERS"]):
        kind = next(((value or b"").decode(errors="replace") for name, value in one.headers if name == "ce_type"), "")
        if one.key in ids and topics.get(kind) == one.topic:
            found[ids[one.key or b""], kind] += 1
    if "line" in reader.place.effects:
        found.update((row["dossier_id"], "line") for row in await reader.rows(_LINES, list(ids.values())))
    if "mail" in reader.place.effects:
        texts = [mail["text"] for mail in await _mails(reader.stack)]
        found.update((one.dossier_id, "mail") for one in subjects for text in texts if one.code in text)
    return found


async def _mails(stack: RunningStack) -> list[dict[str, str]]:
    async with httpx.AsyncClient(timeout=30) as client:
        return (await client.get(stack.env()["MAIL_INBOX_URL"])).raise_for_status().json()
