"""Waiting for a condition instead of sleeping for a guess; a condition that does not come true fails the test."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK = 0.02  # seconds between two looks


def _holds(answer: object, is_: object) -> bool:
    if is_ is None:
        return bool(answer)
    return bool(is_(answer)) if callable(is_) else answer == is_


def until(condition: Callable[[], T], *, within: float, is_: Callable[[T], bool] | object = None) -> T:
    """Look until the condition is true (or equals `is_`, or satisfies it) and return it."""
    deadline = time.monotonic() + within
    while not _holds(answer := condition(), is_):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s: last seen {answer!r}")
        time.sleep(_LOOK)
    return answer


async def until_async(
    condition: Callable[[], Awaitable[T]], *, within: float, is_: Callable[[T], bool] | object = None
) -> T:
    """The same for a condition that is awaited."""
    deadline = time.monotonic() + within
    while not _holds(answer := await condition(), is_):
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s: last seen {answer!r}")
        await asyncio.sleep(_LOOK)
    return answer
