"""Holds what became of a flood of records against the ends that they must have."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from hoso_contracts.envelope import BadRecord, decode
from support.raw_records import Raw
from support.record_consumers import Place, Subject
from support.record_effects import Reader, effects
from support.record_ends import TAKEN, End
from support.record_matrix import kinds_at

ANSWERED_AGAIN: Final[Mapping[str, frozenset[str]]] = {
    "identity.verification-requests.v1": frozenset({"hoso.identity.verified.v1"}),
    "notification.requests.v1": frozenset({"hoso.notification.delivered.v1"}),
    "attachment.check-requests.v1": frozenset({"hoso.attachment.stored.v1", "hoso.attachment.scanned.v1"}),
}
"""What a command of a topic that comes in a new event is answered with once more, if it is done by then."""


@dataclass(slots=True)
class Sent:
    """One record of a flood: of which kind it is (empty: a good one between two kinds), and its end."""

    kind: str
    subject: Subject
    raw: Raw
    end: End
    offset: int = -1

    @property
    def event_id(self) -> UUID | None:
        """Its id, if it has one."""
        try:
            return decode(self.raw.key, self.raw.value, self.raw.headers).id
        except BadRecord:
            return None


def flood(place: Place, subjects: Sequence[Subject]) -> list[Sent]:
    """A good record, then of every kind its records, about a dossier of their own, with a good one behind them."""
    kinds = kinds_at(place.service, place.topic)
    known, *others = subjects
    sent = [Sent("", known, place.about(known, known).raw, TAKEN)]
    for kind, odd, good in zip(kinds, others[::2], others[1::2], strict=True):
        sent += [Sent(kind.name, odd, raw, end) for raw, end in kind.records(place.about(odd, known))]
        sent += [Sent("", good, place.about(good, known).raw, TAKEN)]
    return sent


def counted(sent: Sequence[Sent]) -> Counter[str]:
    """What the metrics must have counted."""
    return Counter(one.end.reason or one.end.outcome for one in sent if one.end.outcome != "unread")


async def wrong_ends(reader: Reader, partition: int, sent: Sequence[Sent]) -> list[str]:
    """Each record whose end is not the defined one, in words without a value of it."""
    letters = await reader.letters(partition, [one.offset for one in sent])
    known = await reader.known([one.event_id for one in sent if one.event_id])
    seen: set[tuple[Raw, ...]] = set()
    wrong: list[str] = []
    for one in sent:
        end = _end(one, letters.get(one.offset), known)
        if end.outcome == "taken" and (one.raw,) in seen:
            end = End("duplicate")
        seen.add((one.raw,))
        if end != one.end:
            wrong.append(f"{one.kind or 'a good record'}: {end}, not {one.end}")
        elif one.offset in letters and not _is_whole(letters[one.offset], one.raw):
            wrong.append(f"{one.kind}: the dead letter is not the record")
    return wrong


def _end(one: Sent, letter: Mapping[str, Any] | None, known: set[UUID]) -> End:
    if letter is not None:
        return End("dead letter", letter["reason"], letter["detail"].partition(" at hoso_")[0])
    if one.event_id in known and one.raw.how != "aborted":
        return TAKEN
    return End("unread" if one.raw.how == "aborted" else "passed-over")


def _is_whole(letter: Mapping[str, Any], raw: Raw) -> bool:
    """Whether the letter has the record byte for byte; PostgreSQL's text holds no NUL in a header's name."""
    names = [name.replace("\0", "\N{SYMBOL FOR NULL}") for name, _ in raw.headers]
    kept = (letter["key"], letter["value"], letter["header_names"], letter["header_values"])
    return kept == (raw.key, raw.value, names, [value for _, value in raw.headers])


async def wrong_effects(reader: Reader, sent: Sequence[Sent]) -> list[str]:
    """Each kind that had an effect it must not have, or not the one that it must have, or had it twice."""
    subjects = {one.subject.dossier_id: one.subject for one in sent}
    found = await effects(reader, list(subjects.values()))
    wrong: list[str] = []
    for dossier_id in subjects:
        records = [one for one in sent if one.subject.dossier_id == dossier_id]
        times = sum(one.end == TAKEN for one in records)
        for effect in reader.place.effects:
            most = times if effect in ANSWERED_AGAIN.get(reader.place.topic, ()) else min(times, 1)
            if not min(times, 1) <= found[dossier_id, effect] <= most:
                wrong.append(f"{records[0].kind or 'a good record'}: {found[dossier_id, effect]} times {effect}")
    return wrong
