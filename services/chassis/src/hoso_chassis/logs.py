"""JSON lines on standard output; of an exception only type and place, because its words may be personal."""

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any, BinaryIO

import orjson
import structlog

from hoso_chassis.tracing import current_ids

_FRAMES = 12
# Libraries whose arguments are addresses, topics and numbers. Of all others only the fixed words are printed.
_TRUSTED = ("aiokafka", "faststream", "uvicorn")
# Says "error" of what it will try again, at every start of a cluster and every change of a leader; when nothing helps,
# our own loops say so.
_TRIES_AGAIN = "aiokafka"
_log = structlog.stdlib.get_logger("hoso_chassis.logs")


class Printable(Exception):  # a marker for errors, not an error
    """An error of our own whose message holds no value that came from outside, so that logs may print it."""


def describe(error: BaseException) -> dict[str, object]:
    """Return type, innermost frames and causes' types of an exception; its message only when it is `Printable`."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told: dict[str, object] = {
        "type": type(error).__qualname__,
        "frames": [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, Printable):
        told["message"] = str(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        told["cause"] = type(cause).__qualname__
    return told


def _render(service: str, role: str, _logger: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
    """Turn an event into a line, the last processor of every log call; an unknown object is not asked for its words."""
    line: dict[str, Any] = {
        "time": datetime.now(UTC),
        "level": method,
        "service": service,
        "role": role,
        "event": event.pop("event"),
        **current_ids(),
    }
    error = event.pop("exc_info", None)
    if error:
        found = error if isinstance(error, BaseException) else sys.exception()
        line["exception"] = describe(found) if found else None
    return orjson.dumps(
        line | dict(event), default=lambda value: type(value).__qualname__, option=orjson.OPT_NON_STR_KEYS
    )


def _words(record: logging.LogRecord) -> str:
    """Return the first line of what a library said, with the arguments only where they are known to be harmless."""
    if isinstance(record.msg, BaseException):
        return type(record.msg).__qualname__
    words = str(record.msg)
    if record.name.partition(".")[0] in _TRUSTED and isinstance(record.args, tuple):
        with suppress(TypeError, ValueError):
            words %= tuple(type(arg).__name__ if isinstance(arg, BaseException) else arg for arg in record.args)
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and str(error):
        words = words.replace(str(error), type(error).__name__)
    return words.partition("\n")[0]


@dataclass(eq=False)
class Libraries(logging.Handler):
    """Sends what libraries log the same way, each sentence at most once in `every` seconds with a count."""

    every: float = 10.0
    clock: Callable[[], float] = monotonic
    said: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict[tuple[str, str], tuple[float, int]])

    def __post_init__(self) -> None:
        super().__init__()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record or count it as repeated."""
        sentence, now = (record.name, str(record.msg)), self.clock()
        last, repeated = self.said.get(sentence, (-self.every, 0))
        if now - last < self.every:
            self.said[sentence] = (last, repeated + 1)
            return
        if len(self.said) >= 1000:  # noqa: PLR2004  # sentences made by formatting would grow without end
            self.said.clear()
        self.said[sentence] = (now, 0)
        error = record.exc_info[1] if record.exc_info else None
        extra = {"repeated": repeated} if repeated else {}
        _log.log(_level(record), _words(record), logger=record.name, exc_info=error, **extra)


def _level(record: logging.LogRecord) -> int:
    tries_again = record.name.partition(".")[0] == _TRIES_AGAIN and record.exc_info is None
    return min(record.levelno, logging.WARNING) if tries_again else record.levelno


def show_warning(_message: Warning | str, category: type[Warning], filename: str, lineno: int, *_rest: object) -> None:
    """Log a warning's category and place; stands in for `warnings.showwarning`."""
    _log.warning("warning", category=category.__name__, at=f"{filename.rpartition('site-packages/')[2]}:{lineno}")


def configure(service: str, role: str, level: str = "info", stream: BinaryIO | None = None) -> None:
    """Send everything the process says - own events, libraries, warnings, crashes - as JSON lines to `stream`.

    Libraries are heard from "warning" on (uvicorn and FastStream too: their "info" is a line a request or record), also
    those that brought a handler of their own: FastStream's prints whole tracebacks, and so what they quote.
    """
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, partial(_render, service, role)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.BytesLoggerFactory(stream or sys.stdout.buffer),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [Libraries()]
    root.setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level.upper()]))
    for logger in map(logging.getLogger, list(root.manager.loggerDict)):
        logger.handlers[:], logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    sys.excepthook = lambda _type, error, _trace: _log.critical("crashed", exc_info=error)
    threading.excepthook = lambda args: _log.critical("thread-crashed", exc_info=args.exc_value)
    warnings.showwarning = show_warning
