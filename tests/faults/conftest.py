"""Fixtures of the faults: one whole stack for all of them, and a seed that is told."""

import logging
import os
import random
from collections.abc import Generator

import pytest

from support.stories import RunningStack, whole_stack


@pytest.fixture(scope="package")
def stack() -> Generator[RunningStack]:
    """The whole stack, running."""
    with whole_stack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def _the_readers_client_says_nothing_while_its_broker_is_away() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture
def seed() -> int:
    """Where the chance of a test begins: HOSO_FAULTS_SEED, else another one each time; out/faults says which."""
    given = os.environ.get("HOSO_FAULTS_SEED")
    return int(given) if given else random.SystemRandom().randrange(1_000_000)
