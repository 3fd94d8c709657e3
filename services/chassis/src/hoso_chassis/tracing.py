"""One trace from the request to the last effect; spans carry ids and type names, never what people said."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_W3C = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Current:
    tracer: trace.Tracer
    provider: TracerProvider | None = None


_current = _Current(trace.NoOpTracer())


def _identity(context: SpanContext | None) -> dict[str, str]:
    return {} if context is None else {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


class JsonFileExporter(SpanExporter):
    """Appends one JSON object a span to a file: name, ids, parent, times in ns, attributes, status."""

    def __init__(self, path: Path, service: str, role: str) -> None:
        self._origin = {"service": service, "role": role}
        self._file = path.open("ab")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the spans and hand them to the operating system."""
        self._file.write(b"".join(orjson.dumps(self._line(span)) + b"\n" for span in spans))
        self._file.flush()
        return SpanExportResult.SUCCESS

    def _line(self, span: ReadableSpan) -> dict[str, object]:
        return {
            "name": span.name,
            **self._origin,
            **_identity(span.context),
            "parent": f"{span.parent.span_id:016x}" if span.parent else None,
            "kind": span.kind.name.lower(),
            "start": span.start_time,
            "end": span.end_time,
            "attributes": dict(span.attributes or {}),
            "status": span.status.status_code.name.lower(),
            "error": span.status.description,
        }

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()


def configure(service: str, role: str, spans_file: Path | None = None) -> None:
    """Begin to make spans; they go to the file when there is one, and are only passed on when there is none."""
    close()
    provider = TracerProvider(
        resource=Resource({"service.name": f"hoso-{service}", "hoso.role": role}), shutdown_on_exit=False
    )
    if spans_file is not None:
        exporter = JsonFileExporter(spans_file, service, role)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    _current.provider, _current.tracer = provider, provider.get_tracer("hoso_chassis")


def close() -> None:
    """Write what is still held and stop; safe to call twice."""
    provider, _current.provider, _current.tracer = _current.provider, None, trace.NoOpTracer()
    if provider is not None:
        provider.shutdown()


def current_ids() -> dict[str, str]:
    """Return `trace_id` and `span_id` of the span at hand, or nothing when there is none."""
    context = trace.get_current_span().get_span_context()
    return _identity(context) if context.is_valid else {}


def current_traceparent() -> str | None:
    """Return the W3C `traceparent` that continues the span at hand, or None when there is none."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, str | int | float | bool] | None = None,
) -> Generator[Span]:
    """Run the block as a span; an exception marks it with its type's name only.

    Args:
        name: low-cardinality name, without ids.
        parent: W3C traceparent to continue; None: the span at hand, if any. One that cannot be read begins a trace.
        kind: the span's role between processes.
        attributes: ids and counts, nothing personal.
    """
    context = _W3C.extract({"traceparent": parent}) if parent else None
    with _current.tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as started:
        try:
            yield started
        except BaseException as error:
            started.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
