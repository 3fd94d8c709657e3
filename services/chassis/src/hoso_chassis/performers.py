"""The performers of one process: one breaker and one gate for each outside system; it starts nothing."""

from collections.abc import Callable, Sequence
from typing import Any

from hoso_chassis.breaker import Breaker
from hoso_chassis.performer import Performer
from hoso_chassis.service import Parts
from hoso_chassis.target_limits import Gate
from hoso_chassis.work import Kind


def gates(kinds: Sequence[Kind[Any, Any, Any]]) -> dict[str, Gate]:
    """The way to each target.

    Raises:
        ValueError: two kinds of one target know different limits of it.
    """
    found: dict[str, Gate] = {}
    for target in {kind.target for kind in kinds}:
        there = [kind for kind in kinds if kind.target == target]
        if any(kind.limits != there[0].limits for kind in there):
            raise ValueError(f"the kinds of work for {target} have different limits")
        found[target] = Gate(target, tuple(kind.name for kind in there), there[0].limits)
    return found


def performers(parts: Parts[Any], beat: Callable[[str, float], Callable[[], None]]) -> list[Performer[Any]]:
    """One for each kind of work; `beat` takes a loop's name and the seconds within which it turns."""
    ways, breakers = gates(parts.kinds), {kind.target: Breaker(kind.target) for kind in parts.kinds}
    return [
        Performer(
            parts.database,
            kind,
            parts.store,
            breakers[kind.target],
            beat(f"work-{kind.name}", kind.timeout + 30),
            gate=ways[kind.target],
        )
        for kind in parts.kinds
    ]
