"""The page that says who may do what is the one the matrix gives."""

import pytest

from support.access import CREDENTIALS, PEOPLE, ROWS
from support.access_document import COLUMNS, FILE, document

pytestmark = pytest.mark.law


def test_the_page_is_current() -> None:
    """To renew it: make contracts."""
    assert FILE.read_text("utf-8") == document()


def test_everybody_has_a_column() -> None:
    assert sorted(name for people in COLUMNS.values() for name in people) == sorted(PEOPLE)


def test_every_route_and_every_token_stands_in_it() -> None:
    page = document()
    assert [row.name for row in ROWS if f"`{row.template}`" not in page] == []
    assert [name for name in CREDENTIALS if f"| {name} |" not in page] == []
