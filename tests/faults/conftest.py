"""Fixtures of the faults: one whole stack at a time, plain, on a small disk or with three brokers, and a told seed."""

import logging
import os
import random
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import pytest

from support.outside_stack import OutsideStack, outside_stack
from support.stories import RunningStack, whole_stack


@dataclass(slots=True)
class Stacks:
    """The stack that runs; two at once would slow each other down."""

    opened: ExitStack = field(default_factory=ExitStack)
    running: dict[str, RunningStack] = field(default_factory=dict[str, RunningStack])

    def of(self, kind: str, start: Callable[[], AbstractContextManager[RunningStack]]) -> RunningStack:
        """The one of this kind; another is ended before it starts."""
        if kind not in self.running:
            self.running.clear()
            self.opened.close()
            self.running[kind] = self.opened.enter_context(start())
        return self.running[kind]


@pytest.fixture(scope="package")
def stacks() -> Generator[Stacks]:
    """Whatever runs is ended with the last test of the folder."""
    stacks = Stacks()
    with stacks.opened:
        yield stacks


@pytest.fixture
def stack(stacks: Stacks) -> RunningStack:
    """The whole stack, running."""
    return stacks.of("plain", whole_stack)


@pytest.fixture
def cluster(stacks: Stacks) -> RunningStack:
    """The whole stack on three brokers, running."""
    return stacks.of("cluster", lambda: whole_stack(3))


@pytest.fixture
def outside(stacks: Stacks) -> OutsideStack:
    """The whole stack with a small disk below its databases, running."""
    stack = stacks.of("outside", outside_stack)
    assert isinstance(stack, OutsideStack)
    return stack


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs another stack behind what needs the plain one, so that each is started once."""
    others = ("outside", "cluster")
    items.sort(key=lambda item: [name in getattr(item, "fixturenames", ()) for name in reversed(others)])


@pytest.fixture(autouse=True)
def _the_readers_client_says_nothing_while_its_broker_is_away() -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture
def seed() -> int:
    """Where the chance of a test begins: HOSO_FAULTS_SEED, else another one each time; out/faults says which."""
    given = os.environ.get("HOSO_FAULTS_SEED")
    return int(given) if given else random.SystemRandom().randrange(1_000_000)
