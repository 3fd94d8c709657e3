"""Fixtures of the citizen stories: one whole stack for all of them."""

from collections.abc import AsyncGenerator, Generator

import httpx
import pytest

from hoso_stack.story import Tap, tap
from support.stories import RunningStack, whole_stack


@pytest.fixture(scope="package")
def stack() -> Generator[RunningStack]:
    """The whole stack, running."""
    with whole_stack() as stack:
        yield stack


@pytest.fixture
async def client() -> AsyncGenerator[httpx.AsyncClient]:
    """An HTTP client."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


@pytest.fixture
async def heard(stack: RunningStack) -> AsyncGenerator[Tap]:
    """Every event on every topic, from now on."""
    async with tap(stack.env()["KAFKA_BOOTSTRAP_SERVERS"]) as reader:
        yield reader
