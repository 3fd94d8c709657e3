"""What a process says: JSON lines with ids, types and places; never what an exception or a library quotes."""

import asyncio
import gc
import importlib
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Generator
from typing import Any
from uuid import UUID

import pytest
import structlog

from hoso_chassis import logs, tracing

importlib.import_module("faststream")  # which makes a logger with a handler of its own, whoever imports it first
CANARY = "003300000001"
log = structlog.stdlib.get_logger()


class NotAllowedHere(logs.Printable):
    """Says only what we wrote ourselves."""


class Lines:
    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.all
        return line


@pytest.fixture
def said() -> Generator[Lines]:
    gc.collect()  # what other tests forgot is told now, not here
    lines = Lines()
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook, warnings.showwarning
    logs.configure("dossier", "worker", "info", lines.stream)
    yield lines
    root.handlers[:], root.level, sys.excepthook, threading.excepthook, warnings.showwarning = before
    structlog.reset_defaults()


def fail(text: str = CANARY) -> None:
    raise ValueError(text)


def test_a_line_says_when_where_and_what(said: Lines) -> None:
    log.info("accepted", dossier_id=UUID(int=1), rows=2, who=object())
    log.debug("too much")
    line = said.only
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "dossier",
        "role": "worker",
        "event": "accepted",
        "dossier_id": str(UUID(int=1)),
        "rows": 2,
        "who": "object",
    }


def test_a_line_belongs_to_its_trace(said: Lines) -> None:
    tracing.configure("dossier", "worker")
    with tracing.span("handle") as span:
        log.info("accepted")
    tracing.close()
    assert said.only["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert said.only["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_an_exception_is_its_type_and_its_place(said: Lines) -> None:
    try:
        try:
            fail()
        except ValueError as cause:
            raise KeyError(CANARY) from cause
    except KeyError as error:
        log.exception("failed", error=error)
        log.critical("failed", exc_info=error)
    for line in said.all:
        assert line["exception"]["type"] == "KeyError"
        assert line["exception"]["cause"] == "ValueError"
        assert line["exception"]["frames"][-1].endswith("test_an_exception_is_its_type_and_its_place")
    assert CANARY not in said.text


def test_only_our_own_errors_may_speak(said: Lines) -> None:
    log.error("failed", exc_info=NotAllowedHere("the topic is not ours"))
    assert said.only["exception"]["message"] == "the topic is not ours"


@pytest.mark.parametrize(
    ("name", "words", "args", "expected"),
    [
        ("asyncpg", "query %s failed", (CANARY,), "query %s failed"),
        ("httpx", f"first\nsecond {CANARY}", (), "first"),
        ("aiokafka.consumer", "topic %s has %d", ("a.v1", 12), "topic a.v1 has 12"),
        ("aiokafka.consumer", "failed: %s", (ValueError(CANARY),), "failed: ValueError"),
        ("uvicorn.error", OSError(CANARY), (), "OSError"),
    ],
)
def test_libraries_are_heard_but_not_their_values(
    said: Lines, name: str, words: object, args: tuple[object, ...], expected: str
) -> None:
    logging.getLogger(name).warning(words, *args)
    logging.getLogger(name).info(words, *args)
    assert (said.only["event"], said.only["logger"], said.only["level"]) == (expected, name, "warning")
    assert CANARY not in said.text


def test_what_the_kafka_client_tries_again_is_no_error_and_what_it_did_not_expect_is(said: Lines) -> None:
    client = logging.getLogger("aiokafka.consumer.group_coordinator")
    client.error("Group Coordinator Request failed: %s", ValueError(CANARY))
    try:
        fail()
    except ValueError:
        client.exception("Unexpected error in coordinator routine")
    logging.getLogger("uvicorn").error("something else")
    assert [line["level"] for line in said.all] == ["warning", "error", "error"]


def test_words_that_do_not_fit_their_arguments_are_printed_bare(said: Lines) -> None:
    logs.Libraries().emit(logging.LogRecord("aiokafka", logging.WARNING, "", 0, "wrong %d %d", (1,), None))
    assert said.only["event"] == "wrong %d %d"


def test_words_that_quote_their_exception_lose_it(said: Lines) -> None:
    try:
        fail()
    except ValueError as error:
        logging.getLogger("faststream.kafka").exception(f"ValueError: {error}")  # noqa: G004, TRY401  # as FastStream does
    assert said.only["event"] == "ValueError: ValueError"
    assert said.only["exception"]["type"] == "ValueError"
    assert CANARY not in said.text


def test_a_library_that_brought_its_own_handler_is_heard_only_here(said: Lines) -> None:
    elsewhere = io.StringIO()
    logger = logging.getLogger("faststream.test")
    logger.addHandler(logging.StreamHandler(elsewhere))
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logs.configure("dossier", "worker", "info", said.stream)
    logger.info("a line a record")
    logger.error("failed: %s", ValueError(CANARY))
    assert said.only["event"] == "failed: ValueError"
    assert not elsewhere.getvalue()


def test_a_library_that_repeats_itself_is_counted(said: Lines) -> None:
    now = 0.0
    handler = logs.Libraries(clock=lambda: now)
    logger = logging.Logger("aiokafka")  # noqa: LOG001  # a logger of this test only
    logger.addHandler(handler)
    for _ in range(1000):
        logger.warning("no broker at %s", "kafka:9092")
    logger.warning("something else")
    now = 10.0
    logger.warning("no broker at %s", "kafka:9093")
    assert [(line["event"], line.get("repeated")) for line in said.all] == [
        ("no broker at kafka:9092", None),
        ("something else", None),
        ("no broker at kafka:9093", 999),
    ]


def test_sentences_without_end_are_not_remembered_without_end(said: Lines) -> None:
    handler = logs.Libraries()
    for number in range(2500):
        handler.emit(logging.LogRecord("x", logging.WARNING, "", 0, f"sentence {number}", (), None))
    assert len(handler.said) <= 1000
    assert len(said.all) == 2500


def test_warnings_lose_their_words(said: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = logs.show_warning
        warnings.warn(f"unexpected {CANARY}", RuntimeWarning, stacklevel=1)
    assert (said.only["event"], said.only["category"]) == ("warning", "RuntimeWarning")
    assert CANARY not in said.text


def test_a_crash_loses_its_words(said: Lines) -> None:
    error = ValueError(CANARY)
    sys.excepthook(ValueError, error, None)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [line["event"] for line in said.all] == ["crashed", "thread-crashed"]
    assert CANARY not in said.text


async def test_a_forgotten_task_loses_its_words(said: Lines) -> None:
    async def work() -> None:
        fail()

    task = asyncio.create_task(work())
    await asyncio.wait([task])
    del task
    gc.collect()
    assert (said.only["event"], said.only["exception"]["type"]) == ("Task exception was never retrieved", "ValueError")
    assert CANARY not in said.text
