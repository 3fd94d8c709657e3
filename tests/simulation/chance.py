"""Chance by a seed, and the trace of what came of it: the same seed gives the same schedule to the byte."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

EPOCH: Final = datetime(2026, 11, 25, tzinfo=UTC)
"""When every schedule begins."""


@dataclass(slots=True)
class Chance:
    """Everything that a schedule draws.

    Attributes:
        faults_left: how many faults may still happen; 0 once the schedule is to come to rest.
        often: how likely a fault is at one point.
    """

    seed: int
    random: Random = field(init=False)
    trace: list[str] = field(default_factory=list[str])
    faults_left: int = 0
    often: float = 0.0
    slowness: float = 0.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 - to be foreseen is the purpose

    def tell(self, now: float, words: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{now:10.4f} {words}")

    def strikes(self) -> bool:
        """Whether a fault happens at this point."""
        if self.faults_left <= 0 or self.random.random() >= self.often:
            return False
        self.faults_left -= 1
        return True

    def latency(self) -> float:
        """Seconds on the way between two machines: mostly a few hundred microseconds, now and then much more."""
        drawn = self.random.random()
        return drawn * 0.002 if drawn > self.slowness else self.random.random() * 3.0

    def uuid(self) -> UUID:
        """An id that no other has."""
        return UUID(int=self.random.getrandbits(128), version=4)


def moment(now: float) -> datetime:
    """A virtual second as a time of the calendar."""
    return EPOCH + timedelta(seconds=now)
