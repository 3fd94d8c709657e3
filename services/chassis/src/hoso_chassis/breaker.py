"""A circuit breaker per target: opens after failures in a row, lets a single probe through, closes on its success."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

import structlog

log = structlog.get_logger()


@dataclass(slots=True)
class Breaker:
    """State of one outside system as one process sees it.

    Attributes:
        threshold: failures in a row that open it.
        rest: seconds it stays open before one probe may go.
    """

    target: str
    threshold: int = 5
    rest: float = 2.0
    clock: Callable[[], float] = monotonic
    failures: int = 0
    open_until: float | None = None
    probing: bool = False
    reserved: bool = False

    @property
    def state(self) -> str:
        """One of "closed", "open" and "half-open"; which the metrics show."""
        if self.open_until is None:
            return "closed"
        return "open" if self.probing or self.reserved or self.clock() < self.open_until else "half-open"

    def allowance(self, wanted: int) -> int:
        """How many of `wanted` calls may begin now: all, a single probe, or none."""
        if self.open_until is None:
            return wanted
        return min(wanted, 1) if self.state == "half-open" else 0

    def take(self, wanted: int) -> tuple[int, bool]:
        """The same, and whether it is the probe, which is then kept for the caller: nobody else may begin one.

        The caller makes the call, or gives it back.
        """
        room = self.allowance(wanted)
        self.reserved = self.reserved or (room > 0 and self.open_until is not None)
        return room, room > 0 and self.reserved

    def give_back(self) -> None:
        """There was nothing to probe with."""
        self.reserved = False

    def begun(self) -> bool:
        """A call begins; while the breaker is not closed it is the probe, which the answer says."""
        self.probing, self.reserved = self.open_until is not None, False
        return self.probing

    def succeeded(self) -> None:
        """The target answered, be it with a refusal: it is there."""
        if self.open_until is not None:
            log.warning("breaker-closed", target=self.target)
        self.failures, self.open_until = 0, None
        self.probing = self.reserved = False

    def failed(self, *, probe: bool = False) -> None:
        """The target did not answer, or said that it cannot now; a call from before it opened is no news."""
        if self.open_until is not None and not probe:
            return
        self.failures += 1
        self.probing = False
        if self.failures >= self.threshold:
            if self.open_until is None:
                log.warning("breaker-opened", target=self.target, failures=self.failures)
            self.open_until = self.clock() + self.rest
