"""The two forms of the suite: the short one runs everywhere, HOSO_TEST_FORM=long tries more of the same."""

import os
from typing import Final, TypeVar

LONG: Final = os.environ.get("HOSO_TEST_FORM") == "long"
T = TypeVar("T")


def sized(short: T, long: T) -> T:
    """Return how much a test does in the form that runs."""
    return long if LONG else short
