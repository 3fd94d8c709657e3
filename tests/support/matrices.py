"""What the matrices of a test run covered: a plugin that prints it at the end and writes out/matrices/<name>.json."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

Covers = Callable[[str, str, str], None]
"""Says that the test at hand tries one cell: of the matrix (named "access, routes x callers"), its row and column."""

OUT: Final = Path(__file__).resolve().parents[2] / "out/matrices"
_cells: Final[dict[str, dict[tuple[str, str], bool]]] = {}


@pytest.fixture
def covers(record_property: Callable[[str, object], None]) -> Covers:
    """Note a cell before it is tried; it counts as covered when the test that tries it passes."""

    def note(matrix: str, row: str, column: str) -> None:
        record_property(f"matrix {matrix}", (row, column))

    return note


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take up the cells of a test that has ended; a cell that one test failed is failed."""
    if report.when != "call" and report.passed:
        return
    for name, cell in report.user_properties:
        if name.startswith("matrix "):
            cells = _cells.setdefault(name.removeprefix("matrix "), {})
            cells[_pair(cell)] = report.passed and cells.get(_pair(cell), True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line a matrix, and write its cells."""
    if not _cells:
        return
    terminalreporter.section("matrices")
    OUT.mkdir(parents=True, exist_ok=True)
    for name, cells in sorted(_cells.items()):
        rows, columns = sorted({row for row, _ in cells}), sorted({column for _, column in cells})
        terminalreporter.write_line(
            f"{name}: {len(rows)} x {len(columns)}, {sum(cells.values())} of {len(cells)} cells passed"
        )
        table = {row: {column: cells[row, column] for column in columns if (row, column) in cells} for row in rows}
        (OUT / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.json").write_text(
            json.dumps(table, ensure_ascii=False, indent=2) + "\n"
        )


def _pair(cell: Any) -> tuple[str, str]:
    row, column = cell
    return str(row), str(column)
