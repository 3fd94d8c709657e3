"""Fixtures of the faults: one whole stack at a time, with one broker or with three, and a seed that is told."""

import logging
import os
import random
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from support.stories import RunningStack, whole_stack


@dataclass(slots=True)
class Stacks:
    """The stack that runs; two at once would slow each other down."""

    opened: ExitStack = field(default_factory=ExitStack)
    running: dict[int, RunningStack] = field(default_factory=dict[int, RunningStack])

    def of(self, brokers: int) -> RunningStack:
        """The one with so many brokers; another is ended before it starts."""
        if brokers not in self.running:
            self.running.clear()
            self.opened.close()
            self.running[brokers] = self.opened.enter_context(whole_stack(brokers))
        return self.running[brokers]


@pytest.fixture(scope="package")
def stacks() -> Generator[Stacks]:
    """Whatever runs is ended with the last test of the folder."""
    stacks = Stacks()
    with stacks.opened:
        yield stacks


@pytest.fixture
def stack(stacks: Stacks) -> RunningStack:
    """The whole stack, running."""
    return stacks.of(1)


@pytest.fixture
def cluster(stacks: Stacks) -> RunningStack:
    """The whole stack on three brokers, running."""
    return stacks.of(3)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs three brokers behind all else, so that each stack is started once."""
    items.sort(key=lambda item: "cluster" in getattr(item, "fixturenames", ()))


@pytest.fixture(autouse=True)
def _the_readers_client_says_nothing_while_its_broker_is_away() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture
def seed() -> int:
    """Where the chance of a test begins: HOSO_FAULTS_SEED, else another one each time; out/faults says which."""
    given = os.environ.get("HOSO_FAULTS_SEED")
    return int(given) if given else random.SystemRandom().randrange(1_000_000)
