"""The circuit breaker: opens after failures in a row, says so once, and closes on the first answer."""

from structlog.testing import capture_logs

from hoso_chassis.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row_and_rests() -> None:
    breaker = Breaker("register", threshold=3, rest=2.0, clock=(clock := Clock()))
    breaker.failed()
    breaker.failed()
    breaker.succeeded()
    for _ in range(2):
        breaker.failed()
    assert (breaker.state, breaker.allowance(5)) == ("closed", 5)
    breaker.failed()
    assert (breaker.state, breaker.allowance(5)) == ("open", 0)
    clock.now = 2.0
    assert (breaker.state, breaker.allowance(5)) == ("half-open", 1)


def test_one_probe_decides() -> None:
    breaker = Breaker("register", threshold=1, rest=2.0, clock=(clock := Clock()))
    breaker.failed()
    clock.now = 2.0
    assert breaker.begun()
    assert breaker.allowance(5) == 0
    breaker.failed()  # of a call from before
    breaker.failed(probe=True)
    assert breaker.state == "open"
    clock.now = 4.0
    assert breaker.begun()
    breaker.succeeded()
    assert breaker.allowance(5) == 5


def test_an_operator_reads_when_it_opened_and_when_it_closed_and_nothing_in_between() -> None:
    breaker = Breaker("register", threshold=2, rest=2.0, clock=(clock := Clock()))
    with capture_logs() as said:
        for _ in range(3):
            breaker.failed()
        clock.now = 2.0
        breaker.begun()
        breaker.failed(probe=True)
        breaker.succeeded()
        breaker.succeeded()
    assert [(line["event"], line["target"]) for line in said] == [
        ("breaker-opened", "register"),
        ("breaker-closed", "register"),
    ]


def test_the_probe_is_kept_for_who_took_it_until_it_is_given_back() -> None:
    breaker = Breaker("register", threshold=1, rest=2.0, clock=(clock := Clock()))
    assert breaker.take(5) == (5, False)
    breaker.failed()
    assert breaker.take(5) == (0, False)
    clock.now = 2.0
    assert breaker.take(5) == (1, True)
    assert breaker.take(5) == (0, False), "another kind of work for the same target"
    assert breaker.state == "open"
    breaker.give_back()
    assert breaker.take(5) == (1, True)
    assert breaker.begun()
    breaker.succeeded()
    assert breaker.take(5) == (5, False)
