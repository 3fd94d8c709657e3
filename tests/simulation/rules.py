"""What must hold at every moment, and what must be there in the end; a breach names the rule that it breaks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from simulation.kafka import Broker, Logged
from simulation.outside import Entry, Outside
from simulation.plan import GROUP, PARTITIONS, TOPIC, Input, Plan, reason
from simulation.tables import Tables


@dataclass(slots=True, eq=False)
class Rules:
    """The judge of one schedule. `sent`: inputs by partition and offset."""

    plan: Plan
    tables: Tables
    broker: Broker
    outside: Outside
    sent: dict[tuple[int, int], Input] = field(default_factory=dict[tuple[int, int], Input])
    breaches: list[str] = field(default_factory=list[str])
    unlucky: int = 0
    _positions: dict[Any, int] = field(default_factory=dict[Any, int])
    _letters: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    _announced: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _heard: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    _applied: dict[Any, tuple[int, ...]] = field(default_factory=dict[Any, tuple[int, ...]])

    def require(self, holds: bool, words: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Write a breach down."""
        if not holds:
            self.breaches.append(words)

    def on_commit(self, changes: Sequence[tuple[Any, Any]]) -> None:
        """Look at what a transaction has changed."""
        for table, slot in changes:
            if table is self.tables.tallies:
                self._look_at_tally(slot.key, slot.committed)
            elif table is self.tables.positions:
                self.require(
                    slot.committed > self._positions.get(slot.key, -1),
                    f"position {slot.key[2]} went from {self._positions.get(slot.key)} to {slot.committed}",
                )
                self._positions[slot.key] = slot.committed
            elif table is self.tables.dead_letters and slot.committed:
                self._look_at_letter(slot.committed)
            elif table is self.tables.forgotten:
                self.require(False, f"a fact was taken for forgotten, and no database was put back: {slot.committed}")

    def _look_at_tally(self, dossier: Any, tally: Any) -> None:
        if tally.applied != self._applied.get(dossier, ()):
            expected = tuple(self.plan.applied(dossier))[: len(tally.applied)]
            self.require(tally.applied == expected, f"applied {tally.applied}, expected {expected} of {dossier.int}")
            self._applied[dossier] = tally.applied
        ended = [(number, call) for number, call, _ in tally.ended]
        self.require(len(ended) == len(set(ended)), f"a call was recorded twice: {tally.ended}")

    def _look_at_letter(self, letter: Any) -> None:
        place = (letter["partition"], letter["offset"])
        self.require(place not in self._letters, f"two dead letters of {place}")
        self._letters.add(place)
        expected = reason(self.sent[place])
        self.require(letter["reason"] == expected, f"dead letter {letter['reason']} at {place}, expected {expected}")

    def on_facts(self, records: Sequence[Logged]) -> None:
        """Look at facts that become visible in Kafka."""
        waiting = {row["value"] for row in self.tables.outbox.committed().values()}
        for record in records:
            headers = dict(record.headers)
            subject, number = str(headers["ce_subject"]), int(headers["ce_sequence"] or 0)
            words = orjson.loads(record.value or b"")["reason"]
            self.require(record.value in waiting, f"{words} was sent again after it had been sent and deleted")
            heard = self._heard.setdefault(subject, [])
            self.require(number not in heard, f"{words} was sent twice")
            if number not in heard:
                self.require(number == len(heard) + 1, f"sequence {number} of {subject} came after {heard}")
                heard.append(number)
                self._announced.setdefault(subject, []).append(words)

    def on_begin(self, entry: Entry) -> None:
        """Look at a call that begins."""
        if entry.slept:
            self.unlucky += 1
            return
        before = [one for one in self.outside.journal if one is not entry and self._is_same(one, entry)]
        again = entry.call == "sms" and any(one.how != "denied" for one in before)
        self.require(not again, f"sms {entry.number} called again: {[one.how for one in before]}")

    def on_effect(self, entry: Entry) -> None:
        """Look at a call that is done: its row is claimed, and no older one of its key is left."""
        if entry.slept:
            return
        rows = self.tables.work.committed()
        own = next((row for row in rows.values() if _is_for(row, entry)), None)
        words = f"{entry.call} {entry.number} was done"
        self.require(own is not None and own["state"] == "running", f"{words} without a claim")
        if own is not None:
            older = [row for row in rows.values() if row["key"] == own["key"] and row["id"] < own["id"]]
            self.require(all(row["state"] == "dead" for row in older), f"{words} before its turn")

    @staticmethod
    def _is_same(one: Entry, other: Entry) -> bool:
        return (one.number, one.call) == (other.number, other.call)

    def is_quiet(self) -> bool:
        """Whether everything that went in has come to its end."""
        ends = all(
            self.tables.positions[GROUP, TOPIC, number] == self.broker.log(TOPIC, number).end
            for number in range(PARTITIONS)
        )
        return ends and not self.tables.outbox.slots and not self._live_work()

    def _live_work(self) -> list[Any]:
        return [row for row in self.tables.work.committed().values() if row["state"] != "dead"]

    def what_is_left(self) -> str:
        """Why it is not quiet."""
        return (
            f"positions {[self.tables.positions[GROUP, TOPIC, number] for number in range(PARTITIONS)]} of "
            f"{[self.broker.log(TOPIC, number).end for number in range(PARTITIONS)]}, "
            f"outbox {len(self.tables.outbox.slots)}, work {self._live_work()}"
        )

    def at_the_end(self) -> None:
        """Compare everything with the model."""
        tallies = self.tables.tallies.committed()
        for dossier in {one.dossier for one in self.plan.inputs if one.kind == "good"}:
            has = list(tallies[dossier].applied) if dossier in tallies else []
            self.require(has == self.plan.applied(dossier), f"{dossier.int} has {has} of {self.plan.applied(dossier)}")
        expected = {place for place, one in self.sent.items() if reason(one)}
        self.require(self._letters == expected, f"dead letters {self._letters}, expected {expected}")
        ended = {(number, call): how for tally in tallies.values() for number, call, how in tally.ended}
        self.require(set(ended) == set(self.plan.calls()), f"calls {ended}, expected {self.plan.calls()}")
        for (number, call), how in ended.items():
            self._look_at_end(number, call, how)
        self._look_at_facts(tallies, ended)

    def _look_at_end(self, number: int, call: str, how: str) -> None:
        did = sum(one.how == "done" for one in self.outside.journal if (one.number, one.call) == (number, call))
        one = self.plan.by_number[number]
        words = f"{call} {number} ended as {how}, and was done {did} times"
        if how == "done":
            self.require(did >= 1 if call == "mail" else did == 1, words)
        elif how == "refused":
            self.require(call in one.refused and did == 0, words)
        else:
            self.require(how == "unknown" and call == "sms" and did <= 1, words)

    def _look_at_facts(self, tallies: Any, ended: Any) -> None:
        heard = Counter(words for facts in self._announced.values() for words in facts)
        numbers = [number for tally in tallies.values() for number in tally.applied]
        expected = Counter([words for number in numbers for words in self.plan.facts(number)])
        expected.update(f"n{number}-{call}-{how}" for (number, call), how in ended.items())
        self.require(heard == expected, f"facts {heard - expected} too many, {expected - heard} missing")


def _is_for(row: Any, entry: Entry) -> bool:
    return row["kind"] == entry.call and orjson.loads(row["payload"])["number"] == entry.number
