"""Every number the chassis shows, as one typed catalogue; labels come from closed sets and never hold an id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from opentelemetry import metrics as api
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class _Current:
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    counters: dict[str, api.Counter] = field(default_factory=dict[str, api.Counter])
    histograms: dict[str, api.Histogram] = field(default_factory=dict[str, api.Histogram])


_current = _Current()


@dataclass(frozen=True, slots=True)
class Metric:
    """One number: shown as `hoso_<service>_<name>`, where the name ends in its unit.

    Attributes:
        name: noun and unit, without the service.
        description: what it counts, for the operator.
        labels: names of its labels; each use gives exactly these.
    """

    name: str
    description: str
    labels: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The last word of the name."""
        return self.name.rpartition("_")[2]

    def check(self, labels: dict[str, str]) -> None:
        """Raise ValueError unless exactly the declared labels are given."""
        if labels.keys() != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """Only grows; shown with `_total`."""

    def add(self, amount: int = 1, **labels: str) -> None:
        """Count; nothing happens in a process that did not `configure`."""
        self.check(labels)
        if counter := _current.counters.get(self.name):
            counter.add(amount, labels)


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """A distribution of seconds."""

    def record(self, value: float, **labels: str) -> None:
        """Record one value; nothing happens in a process that did not `configure`."""
        self.check(labels)
        if histogram := _current.histograms.get(self.name):
            histogram.record(value, labels)


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """Goes up and down; a label set that was cleared is not shown any more."""

    values: dict[tuple[str, ...], float] = field(default_factory=dict[tuple[str, ...], float], compare=False)

    def set(self, value: float, **labels: str) -> None:
        """Show this value from now on."""
        self.check(labels)
        self.values[tuple(labels[name] for name in self.labels)] = value

    def clear(self) -> None:
        """Show nothing until set again: a partition that is gone has no lag."""
        self.values.clear()

    def observe(self, _options: api.CallbackOptions) -> Iterable[api.Observation]:
        """Answer a scrape."""
        for values, value in list(self.values.items()):
            yield api.Observation(value, dict(zip(self.labels, values, strict=True)))


CONSUMED = Counter(
    "consumed_records", "Records taken from Kafka, by what became of them.", ("topic", "type", "outcome")
)
DEAD_LETTERS = Counter("dead_letters", "Records set aside because they could not be handled.", ("topic", "reason"))
POSITION_LAG = Gauge("position_lag_records", "Records between our position and the end.", ("topic", "partition"))
OUTBOX_AGE = Gauge("outbox_age_seconds", "Age of the oldest fact not yet acknowledged by Kafka.")
OUTBOX_ROWS = Gauge("outbox_rows", "Facts not yet acknowledged by Kafka.")
RELAYED = Counter("relayed_records", "Facts acknowledged by Kafka.", ("topic",))
SET_ASIDE = Gauge("set_aside_state", "1: the broker refuses this topic, its facts wait in the outbox.", ("topic",))
READ_BACK = Counter("read_back_records", "Our own records that a new leader of the relay has compared.")
FORGOTTEN = Counter(
    "forgotten_records", "Announced facts that the database has forgotten: it was put back.", ("topic",)
)
WORK_AGE = Gauge("work_oldest_seconds", "Age of the oldest work that is not settled.", ("kind",))
WORK_ATTEMPTS = Counter("work_attempts", "Calls to the outside, by how they ended.", ("kind", "outcome"))
WORK_DEAD = Gauge("work_dead_rows", "Work that was given up and waits for somebody.", ("kind",))
BREAKER = Gauge("breaker_state", "0 closed, 1 one probe allowed, 2 open.", ("target",))
HTTP_SECONDS = Histogram("http_request_seconds", "Time to answer a request.", ("method", "route", "status"))
HALTED = Gauge("halted_state", "1 from the halt of this process to its end, which /livez explains; else 0.")
REPLAYS = Counter("idempotency_replays", "Answers given again for a repeated Idempotency-Key.", ("route",))

CATALOGUE: Final = tuple(found for found in tuple(globals().values()) if isinstance(found, Metric))


def configure(service: str, more: Sequence[Metric] = ()) -> None:
    """Begin to collect the catalogue and the service's own metrics under the service's name."""
    _current.registry = CollectorRegistry()
    ProcessCollector(registry=_current.registry)
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=_current.registry)
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("hoso_chassis")
    for metric in (*CATALOGUE, *more):
        name = f"hoso_{service.replace('-', '_')}_{metric.name}"
        unit = "s" if metric.unit == "seconds" else f"{{{metric.unit}}}"
        match metric:
            case Counter():
                _current.counters[metric.name] = meter.create_counter(name, unit, metric.description)
            case Histogram():
                _current.histograms[metric.name] = meter.create_histogram(
                    name, unit, metric.description, explicit_bucket_boundaries_advisory=_SECONDS
                )
            case Gauge():
                meter.create_observable_gauge(name, [metric.observe], unit, metric.description)
            case _:
                raise TypeError(type(metric).__name__)


def render() -> bytes:
    """Return all metrics in the Prometheus text format."""
    return generate_latest(_current.registry)
