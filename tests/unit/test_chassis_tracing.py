"""Spans: one trace over processes, written as lines, without the words of exceptions."""

import json
from pathlib import Path
from typing import Any

import pytest

from hoso_chassis import tracing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CANARY = "003300000001"


def written(path: Path) -> list[dict[str, Any]]:
    tracing.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_span_continues_the_trace_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "spans"
    tracing.configure("dossier", "worker", path)
    with tracing.span("batch", attributes={"records": 2}):
        with tracing.span("handle", parent=PARENT):
            inner = tracing.current_traceparent()
        with tracing.span("load"):
            pass
    handle, load, batch = written(path)
    assert (handle["trace_id"], handle["parent"]) == (PARENT[3:35], PARENT[36:52])
    assert inner == f"00-{handle['trace_id']}-{handle['span_id']}-01"
    assert (load["trace_id"], load["parent"]) == (batch["trace_id"], batch["span_id"])
    assert (batch["attributes"], batch["status"], batch["parent"]) == ({"records": 2}, "unset", None)
    assert (batch["service"], batch["role"]) == ("dossier", "worker")
    assert batch["start"] <= handle["start"] <= handle["end"] <= batch["end"]


def test_an_exception_marks_the_span_with_its_type_only(tmp_path: Path) -> None:
    path = tmp_path / "spans"
    tracing.configure("dossier", "worker", path)
    with pytest.raises(ValueError, match=CANARY), tracing.span("handle"):
        raise ValueError(CANARY)
    (span,) = written(path)
    assert (span["status"], span["error"]) == ("error", "ValueError")
    assert CANARY not in path.read_text()


@pytest.mark.parametrize("parent", ["rubbish", "", "00-00000000000000000000000000000000-b7ad6b7169203331-01"])
def test_a_parent_that_cannot_be_read_begins_a_trace(parent: str) -> None:
    tracing.configure("dossier", "worker")
    with tracing.span("handle", parent=parent) as span:
        assert span.get_span_context().is_valid
    tracing.close()


def test_without_configuration_there_is_nothing_to_continue() -> None:
    with tracing.span("handle"):
        assert tracing.current_traceparent() is None
        assert tracing.current_ids() == {}


def test_a_trace_passes_through_a_process_that_records_nothing() -> None:
    with tracing.span("handle", parent=PARENT):
        assert tracing.current_traceparent() == PARENT


def test_spans_are_added_to_what_the_last_run_left(tmp_path: Path) -> None:
    path = tmp_path / "spans"
    for _ in range(2):
        tracing.configure("dossier", "worker", path)
        with tracing.span("handle"):
            pass
        tracing.close()
    assert len(written(path)) == 2
