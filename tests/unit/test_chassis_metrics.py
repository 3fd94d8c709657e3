"""The catalogue: names, units and labels follow one rule, and a scrape shows what was counted."""

import re
from collections.abc import Generator

import pytest

from hoso_chassis import metrics
from hoso_chassis.metrics import CATALOGUE, Counter, Gauge, Histogram, Metric

UNITS = {"records", "letters", "seconds", "rows", "attempts", "state", "replays"}


@pytest.fixture(autouse=True)
def own_catalogue() -> Generator[None]:
    metrics.configure("population-mock", [ASKED, OPEN])
    yield
    metrics.configure("nobody")


ASKED = Counter("asked_records", "Asked.", ("answer",))
OPEN = Gauge("open_rows", "Open.", ("kind",))


def shown() -> list[str]:
    return [line for line in metrics.render().decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_follow_the_rule(metric: Metric) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", metric.name)
    assert metric.unit in UNITS
    assert metric.description.endswith(".")
    assert not any("id" in label.split("_") for label in metric.labels)


def test_no_name_is_used_twice() -> None:
    names = [metric.name for metric in CATALOGUE]
    assert len(set(names)) == len(names)


def test_what_is_counted_is_shown_under_the_services_name() -> None:
    ASKED.add(answer="match")
    ASKED.add(2, answer="match")
    OPEN.set(7, kind="mail")
    metrics.HTTP_SECONDS.record(0.02, method="GET", route="/v1", status="200")
    lines = shown()
    assert 'hoso_population_mock_asked_records_total{answer="match"} 3.0' in lines
    assert 'hoso_population_mock_open_rows{kind="mail"} 7.0' in lines
    bucket = 'hoso_population_mock_http_request_seconds_bucket{le="0.025",method="GET",route="/v1",status="200"} 1.0'
    assert bucket in lines
    assert any(line.startswith("process_resident_memory_bytes") for line in lines)


def test_a_gauge_that_was_cleared_is_not_shown() -> None:
    OPEN.set(7, kind="mail")
    OPEN.clear()
    OPEN.set(1, kind="sms")
    assert [line for line in shown() if "open_rows" in line] == ['hoso_population_mock_open_rows{kind="sms"} 1.0']


def test_labels_are_exactly_the_declared_ones() -> None:
    with pytest.raises(ValueError, match="asked_records has the labels"):
        ASKED.add()
    with pytest.raises(ValueError, match="asked_records has the labels"):
        ASKED.add(answer="match", person="x")
    with pytest.raises(ValueError, match="open_rows has the labels"):
        OPEN.set(1)
    with pytest.raises(ValueError, match="http_request_seconds has the labels"):
        metrics.HTTP_SECONDS.record(1, method="GET")


def test_a_metric_that_is_not_in_the_catalogue_counts_nowhere() -> None:
    Counter("unknown_records", "Unknown.").add()
    Histogram("unknown_seconds", "Unknown.").record(1)
    assert not any("unknown" in line for line in shown())
