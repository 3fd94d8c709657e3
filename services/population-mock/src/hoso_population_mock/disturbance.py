"""What the switches do to a lookup: it waits, or ends with a problem, or spoils the answer; it knows no person."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from hoso_population_mock.problems import Problem
from hoso_population_mock.switches import Switches

Clock = Callable[[], float]
_RANDOM_SEED: Final = 20210701


class CallerGone(Exception):
    """The caller closed the connection while it was held: nobody waits for an answer."""


class Throttle:
    """A token bucket: so many lookups in a second, with one second's worth to spare at the start."""

    def __init__(self, per_second: float, clock: Clock) -> None:
        self._rate = per_second
        self._capacity = max(1.0, per_second)
        self._tokens = self._capacity
        self._clock = clock
        self._filled_at = clock()

    def take(self) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate


class Disturbance:
    """The switches as they stand, and their effect.

    Setting any switch starts the throttle and the random choices anew (so that a run can be repeated) and frees every
    lookup that is held at that moment.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self._begin(Switches())

    @property
    def switches(self) -> Switches:
        """The switches as they stand."""
        return self._switches

    def set(self, switches: Switches) -> None:
        """Put other switches in place."""
        self.free()
        self._begin(switches)

    def free(self) -> None:
        """Let every held lookup go on."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def disturb(self, gone: Callable[[], Awaitable[None]]) -> bool:
        """Let a lookup meet the switches; return True where its answer is to be spoilt.

        Args:
            gone: waits until the caller has closed the connection.

        Raises:
            Problem: 503 outage, 429 throttled, 500 error.
            CallerGone: nobody waits for the answer any more.
        """
        switches = self._switches
        if switches.hang:
            await self._hold(None, gone)
        if switches.outage:
            raise Problem(503, "register-unavailable", "Hệ thống tạm ngừng phục vụ", "The register is unavailable")
        self._throttle_one()
        if switches.latency_ms or switches.latency_jitter_ms:
            await self._hold((switches.latency_ms + self._random.random() * switches.latency_jitter_ms) / 1000, gone)
        if self._random.random() < switches.error_rate:
            raise Problem(500, "register-error", "Hệ thống gặp lỗi", "The register failed")
        return self._random.random() < switches.wrong_answer_rate

    def _begin(self, switches: Switches) -> None:
        self._switches = switches
        self._random = Random(_RANDOM_SEED)  # noqa: S311 - repeatable on purpose
        rate = switches.throttle_per_second
        self._throttle = Throttle(rate, self._clock) if rate else None

    def _throttle_one(self) -> None:
        wait = self._throttle.take() if self._throttle else 0.0
        if wait:
            headers = {"Retry-After": str(math.ceil(wait))}
            raise Problem(429, "too-many-requests", "Quá nhiều yêu cầu", "Too many requests", headers=headers)

    async def _hold(self, seconds: float | None, gone: Callable[[], Awaitable[None]]) -> None:
        leaving = asyncio.ensure_future(gone())
        freed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((leaving, freed), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                raise CallerGone
        finally:
            leaving.cancel()
            freed.cancel()
