"""Every kind of odd record that is tried at every consumer, and the table of their ends that operators read."""

from collections.abc import Sequence
from typing import Final

from support.record_bodies import BODIES
from support.record_deliveries import DELIVERIES
from support.record_ends import End, Kind
from support.record_envelopes import ENVELOPES

KINDS: Final = (*DELIVERIES, *ENVELOPES, *BODIES)
MATRIX: Final = "records, consumers x kinds"


def kinds_at(service: str, topic: str) -> list[Kind]:
    """The kinds that can be tried at a place."""
    return [kind for kind in KINDS if kind.applies(service, topic)]


def table() -> list[str]:
    """The rows of the table that operators read: an end, and the kinds of records that have it."""
    groups: dict[str, dict[str, None]] = {}  # names in the order of the kinds, each once
    for kind in KINDS:
        groups.setdefault(_words(kind.end), {})[kind.name] = None
        for where, end in kind.at.items():
            if _words(end) != _words(kind.end):
                groups.setdefault(_words(end), {})[f"{kind.name} (in {where.partition(' ')[0]})"] = None
    return [f"| {end} | {'; '.join(names)} |" for end, names in sorted(groups.items())]


def _words(end: End | Sequence[End]) -> str:
    ends = [end] if isinstance(end, End) else end
    return ", then ".join(f"{one.outcome} `{one.reason}`" if one.reason else one.outcome for one in ends)
