"""What each switch does to a lookup, with a clock that stands still."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hoso_population_mock.disturbance import CallerGone, Disturbance, Throttle
from hoso_population_mock.problems import Problem
from hoso_population_mock.switches import Switches, read_change


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def stays() -> None:
    """A caller who waits for the answer."""
    await asyncio.Event().wait()


async def leaves() -> None:
    """A caller who is gone at once."""


def disturbed(**switches: object) -> Disturbance:
    made = Disturbance(Clock())
    made.set(Switches.model_validate(switches))
    return made


async def outcomes(disturbance: Disturbance, count: int) -> list[int | bool]:
    """What `count` lookups met: the status of a problem, or whether the answer is to be spoilt."""
    met: list[int | bool] = []
    for _ in range(count):
        try:
            met.append(await disturbance.disturb(stays))
        except Problem as problem:
            met.append(problem.status)
    return met


async def test_nothing_is_disturbed_by_default() -> None:
    assert Switches() == Disturbance(Clock()).switches
    assert await outcomes(Disturbance(Clock()), 1000) == [False] * 1000


async def test_an_outage_is_503() -> None:
    assert await outcomes(disturbed(outage=True), 3) == [503] * 3


async def test_a_share_fails_and_a_run_can_be_repeated() -> None:
    first = await outcomes(disturbed(error_rate=0.25), 2000)
    assert set(first) == {False, 500}
    assert 400 < first.count(500) < 600
    assert await outcomes(disturbed(error_rate=0.25), 2000) == first
    assert await outcomes(disturbed(error_rate=1.0), 50) == [500] * 50


async def test_a_share_is_spoilt() -> None:
    met = await outcomes(disturbed(wrong_answer_rate=0.25), 2000)
    assert set(met) == {False, True}
    assert 400 < met.count(True) < 600


async def test_a_throttled_lookup_is_told_when_to_come_again() -> None:
    disturbance = disturbed(throttle_per_second=2.0)
    assert await outcomes(disturbance, 2) == [False, False]
    with pytest.raises(Problem) as caught:
        await disturbance.disturb(stays)
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})


def test_a_bucket_fills_with_time_and_not_beyond_a_seconds_worth() -> None:
    clock = Clock()
    throttle = Throttle(4.0, clock)
    assert [throttle.take() for _ in range(5)] == [0, 0, 0, 0, 0.25]
    clock.now += 0.25
    assert [throttle.take() for _ in range(2)] == [0, 0.25]
    clock.now += 1000
    assert [throttle.take() for _ in range(5)] == [0, 0, 0, 0, 0.25]


def test_less_than_one_in_a_second_is_possible() -> None:
    clock = Clock()
    throttle = Throttle(0.1, clock)
    assert [throttle.take(), throttle.take()] == [0, 10]
    clock.now += 10
    assert throttle.take() == 0


@pytest.mark.parametrize("held", [{"hang": True}, {"latency_ms": 600_000}, {"latency_jitter_ms": 600_000}])
async def test_a_held_lookup_goes_on_when_a_switch_is_set(held: dict[str, object]) -> None:
    disturbance = disturbed(**held)
    lookups = [asyncio.create_task(disturbance.disturb(stays)) for _ in range(5)]
    await asyncio.sleep(0)
    assert not any(lookup.done() for lookup in lookups)
    disturbance.set(Switches())
    assert await asyncio.gather(*lookups) == [False] * 5


async def test_nobody_is_held_whose_caller_left() -> None:
    with pytest.raises(CallerGone):
        await disturbed(hang=True).disturb(leaves)


@pytest.mark.parametrize("gone", [stays, leaves])
async def test_a_lookup_leaves_no_task_behind(gone: Callable[[], Awaitable[None]]) -> None:
    disturbance = disturbed(latency_ms=1)
    before = asyncio.all_tasks()
    await asyncio.gather(disturbance.disturb(gone), return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_a_change_touches_what_it_names_only() -> None:
    current = Switches(latency_ms=5, outage=True)
    assert read_change(b'{"outage": false}', current) == Switches(latency_ms=5)
    assert read_change(b"{}", current) == current


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b"\xff"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_change(body, Switches())
    assert (caught.value.status, caught.value.slug) == (400, "not-json")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"latency_ms": -1}', ["/latency_ms"]),
        (b'{"latency_ms": 600001}', ["/latency_ms"]),
        (b'{"latency_ms": "5"}', ["/latency_ms"]),
        (b'{"latency_jitter_ms": 1.5}', ["/latency_jitter_ms"]),
        (b'{"error_rate": 1.01}', ["/error_rate"]),
        (b'{"wrong_answer_rate": -0.1}', ["/wrong_answer_rate"]),
        (b'{"throttle_per_second": 0}', ["/throttle_per_second"]),
        (b'{"outage": 1, "hang": "yes"}', ["/outage", "/hang"]),
        (b'{"0123456789": true}', [""]),
    ],
)
def test_a_switch_that_cannot_be_is_refused_without_repeating_it(body: bytes, pointers: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        read_change(body, Switches())
    assert caught.value.status == 422
    assert [fault.pointer for fault in caught.value.errors] == pointers
    assert b"0123456789" not in caught.value.response().body
