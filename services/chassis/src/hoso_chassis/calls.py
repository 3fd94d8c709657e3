"""One call to the outside for one claimed row, and how it ended; it writes nothing down."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final

import structlog
from opentelemetry.trace import SpanKind

from hoso_chassis.breaker import Breaker
from hoso_chassis.claims import Job
from hoso_chassis.policy import place
from hoso_chassis.tracing import current_traceparent, span
from hoso_chassis.work import GivenUp, Kind, NotThisOneYet, OutcomeUnknown, TargetRefused, TargetUnavailable

MOST_LOST: Final = 5  # claims in a row that may be lost: what kills its process each time must end

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call ended: with a result, with a reason to give up, or with a reason to try again.

    Attributes:
        lapsed: to be tried again because it never began.
    """

    job: Job
    payload: Any
    result: Any = None
    given_up: GivenUp | None = None
    again: str | None = None
    lapsed: bool = False
    unreadable: bool = False
    traceparent: str | None = None

    @property
    def outcome(self) -> str:
        """In a word, for the metric."""
        return self.given_up or ("again" if self.again else "unreadable" if self.unreadable else "done")


@dataclass(slots=True)
class Call:
    """A call that may be made.

    Attributes:
        latest: when it may begin at the latest (monotonic seconds): one that begins later could outlive its claim.
        is_probe: the breaker has let this one through to see whether the target is back.
    """

    kind: Kind[Any, Any, Any]
    breaker: Breaker
    job: Job
    latest: float
    is_probe: bool = False

    async def make(self, now: datetime) -> Ended:
        """Make it, unless there is a reason not to; raises nothing."""
        ended = self._without_a_call(now)
        if ended is not None:
            if self.is_probe:
                self.breaker.give_back()
            return ended
        payload = self.kind.payload.model_validate_json(self.job.payload)
        parent = self.job.cause.traceparent
        with span(f"{self.kind.name} {self.kind.target}", parent=parent, kind=SpanKind.CLIENT):
            return await self._outcome(payload, current_traceparent())

    def _without_a_call(self, now: datetime) -> Ended | None:
        job, kind = self.job, self.kind
        try:
            payload = kind.payload.model_validate_json(job.payload)
        except ValueError as error:
            log.error("work-unreadable", kind=kind.name, job=job.id, error=place(error))
            return Ended(job, None, unreadable=True)
        if job.lost >= MOST_LOST:
            log.error("work-kills", kind=kind.name, job=job.id, lost=job.lost)
            return Ended(job, payload, given_up="unknown")
        if job.resumed and kind.at_most_once:
            return Ended(job, payload, given_up="unknown")
        if job.expires_at <= now:
            return Ended(job, payload, given_up="expired")
        if monotonic() > self.latest:  # the process was stopped, or starved, since the claim
            log.warning("claim-lapsed", kind=kind.name, job=job.id)
            return Ended(job, payload, again="claim-lapsed", lapsed=True)
        return None

    async def _outcome(self, payload: Any, traceparent: str | None) -> Ended:
        job, kind = self.job, self.kind
        probe = self.breaker.begun()
        try:
            result = await asyncio.wait_for(kind.perform(payload), kind.timeout)
        except TargetRefused as error:
            self.breaker.succeeded()
            log.warning("work-refused", kind=kind.name, job=job.id, error=place(error))
            return Ended(job, payload, given_up="refused", traceparent=traceparent)
        except NotThisOneYet as error:
            self.breaker.succeeded()
            return Ended(job, payload, again=place(error))
        except (OutcomeUnknown, TimeoutError) as error:
            self.breaker.failed(probe=probe)
            if kind.at_most_once:
                return Ended(job, payload, given_up="unknown", traceparent=traceparent)
            return Ended(job, payload, again=place(error))
        except Exception as error:  # noqa: BLE001 - tried again until its age ends it, visibly
            self.breaker.failed(probe=probe)
            if not isinstance(error, TargetUnavailable):
                log.error("work-failed", kind=kind.name, job=job.id, error=place(error))
            return Ended(job, payload, again=place(error))
        self.breaker.succeeded()
        return Ended(job, payload, result=result, traceparent=traceparent)
