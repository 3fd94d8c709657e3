"""What happened to one dead letter, in words for somebody at night; headers by name and size, and no value at all."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from hoso_chassis.dead_letter_search import Outside, outside
from hoso_chassis.dead_letters import KEPT, KeptLetter
from hoso_chassis.operator_actions import PastAct
from hoso_chassis.redrive import Ended

REASONS: Final[Mapping[str, str]] = {
    "not-a-cloudevent": "the record is no event of ours: its sender is wrong, or is no service of ours",
    "unknown-major": "a newer version of the event than this program knows: deploy the newer program first",
    "wrong-shape": "its data is not as the contract says: mend the sender, or deploy the newer program",
    "too-large": "its data has more than 64 KiB: mend the sender",
    "wrong-topic": "it lies in a topic that may not have it: mend the sender",
    "bad-record": "the contracts refuse it: mend the sender",
    "not-readable": "our own reading failed at it: a bug, mend the program",
    "no-such-aggregate": "it is about something that this service does not have (yet)",
    "handler-failed": "the handler refused it, or a bug stopped it: the detail has the type and the place",
    "not-writable": "what followed from it could not be written: mend the program, or the table",
}
_NOW: Final[Mapping[str, str]] = {
    "done": "it would be done",
    "superseded": "it comes too late: a redrive would remove it without an effect",
    "failed-again": "it would fail again",
    "passed-over": "nobody here listens to it: a redrive leaves it where it is, `purge` removes it",
    "locked": "not known: somebody else has it in hand",
    "gone": "it has just gone: somebody else was faster",
}
_HEADERS: Final = frozenset(
    f"ce_{name}"
    for name in (
        *("id", "source", "type", "specversion", "time", "subject", "dataschema", "datacontenttype", "partitionkey"),
        *("correlationid", "causationid", "sequence", "replayid"),
    )
) | {"content-type", "traceparent", "tracestate", "correlation_id", "reply_to"}
_MOST_HEADERS: Final = 30


def account(service: str, letter: KeptLetter, past: Sequence[PastAct], now: Ended) -> str:
    """Tell of the letter: what, where from, what now, and the command to go on with."""
    shown = outside(letter)
    rows = [*_what_happened(shown), *_what_now(now), *_done_before(past), *_where_from(shown, letter)]
    told = "\n".join(f"  {name:<15} {words}".rstrip() for name, words in rows)
    return f"dead letter {letter.id} of {service}\n{told}\n\n{_go_on(service, letter, now)}"


def _what_happened(shown: Outside) -> Iterator[tuple[str, str]]:
    yield "what happened", f"{shown.reason}: {REASONS.get(shown.reason, 'see the README of hoso-chassis')}"
    if shown.detail:
        yield "detail", shown.detail
    times = "once" if shown.attempts == 1 else f"{shown.attempts} times"
    yield "died", f"{shown.died_at:%Y-%m-%d %H:%M:%S}Z, {times}; deleted {shown.died_at + KEPT:%Y-%m-%d %H:%M}Z"


def _where_from(shown: Outside, letter: KeptLetter) -> Iterator[tuple[str, str]]:
    yield "where from", f"{shown.topic}, partition {shown.partition}, offset {shown.offset}"
    yield "written", f"{shown.record_time:%Y-%m-%d %H:%M:%S}Z, {_before(shown.died_at - shown.record_time)}"
    yield "event type", shown.type or "not read, or none that we know"
    yield "dossier", str(shown.dossier) if shown.dossier else "the key is no dossier's id"
    yield "size", f"key {_size(letter.record.key)}, value {_size(letter.record.value)}"
    yield "headers", ", ".join(_headers(letter)) or "none"


def _headers(letter: KeptLetter) -> Iterator[str]:
    headers = letter.record.headers
    for name, value in headers[:_MOST_HEADERS]:
        yield f"{name if name in _HEADERS else '(a name that is not ours)'} {_size(value)}"
    if len(headers) > _MOST_HEADERS:
        yield f"and {len(headers) - _MOST_HEADERS} more"


def _before(taken: timedelta) -> str:
    return f"{taken.total_seconds():.0f} s before it died" if taken > timedelta(0) else "by a clock of its own"


def _size(data: bytes | None) -> str:
    return "null" if data is None else f"{len(data):,} bytes"


def _what_now(now: Ended) -> Iterator[tuple[str, str]]:
    yield "tried just now", _NOW[now.outcome] + (", and this would follow:" if now.follows else "")
    if now.died is not None:
        yield "", f"{now.died.reason} {now.died.detail}"
    for following in now.follows:
        yield "", following


def _done_before(past: Sequence[PastAct]) -> Iterator[tuple[str, str]]:
    for act in past:
        yield "tried before", f"{act.at:%Y-%m-%d %H:%M:%S}Z by {act.operator}: {act.outcome} (had been {act.reason})"


def _go_on(service: str, letter: KeptLetter, now: Ended) -> str:
    program = f"python -m hoso_{service} dead-letters"
    this = f'echo \'{{"id": "{letter.id}"}}\' | {program}'
    if now.outcome in {"done", "superseded"}:
        alike = f"{program} list --reason {letter.reason} --topic {letter.record.topic} > letters.jsonl"
        trying = f"{program} redrive letters.jsonl --dry-run"
        return f"this one:\n  {this} redrive - --by NAME\nall like it:\n  {alike}\n  {trying}\n"
    if now.outcome == "passed-over":
        return f"to remove it:\n  {this} purge - --by NAME\n"
    return (
        "mend the cause first; then look again:\n"
        f"  {program} explain {letter.id}\nif it must never be taken in:\n  {this} purge - --by NAME\n"
    )
