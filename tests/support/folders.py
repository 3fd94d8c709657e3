"""The folders of tests run one after the other, so that each ends its stack before the next begins: a plugin."""

from typing import Final

import pytest

ORDER: Final = ("unit", "simulation", "contract", "integration", "e2e", "faults")
"""What is quick first; faults last, with the machine for themselves."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep folders together; inside each the order stays as random as it came."""
    items.sort(key=_folder)


def _folder(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return ORDER.index(folder) if folder in ORDER else len(ORDER)
