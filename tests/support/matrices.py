"""What the matrices of a test run covered: a plugin that prints it at the end and writes out/matrices/<name>.json."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

Covers = Callable[[str, str, str], None]
"""Says that the test at hand tries one cell: of the matrix (named "access, routes x callers"), its row and column."""

OUT: Final = Path(__file__).resolve().parents[2] / "out/matrices"
_STRONGEST_FIRST: Final = ("failed", "passed", "skipped")
_cells: Final[dict[str, dict[tuple[str, str], str]]] = {}


@pytest.fixture
def covers(record_property: Callable[[str, object], None]) -> Covers:
    """Note a cell before it is tried: it has passed when the test has, and is skipped when the test says so later."""

    def note(matrix: str, row: str, column: str) -> None:
        record_property(f"matrix {matrix}", (row, column))

    return note


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take up the cells of a test that has ended; what one test failed is failed, what one tried is not skipped."""
    if report.when != "call" and report.passed:
        return
    for name, cell in report.user_properties:
        if name.startswith("matrix "):
            cells = _cells.setdefault(name.removeprefix("matrix "), {})
            cells[_pair(cell)] = min(cells.get(_pair(cell), "skipped"), report.outcome, key=_STRONGEST_FIRST.index)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line a matrix, and write its cells."""
    if not _cells:
        return
    terminalreporter.section("matrices")
    OUT.mkdir(parents=True, exist_ok=True)
    for name, cells in sorted(_cells.items()):
        rows, columns = sorted({row for row, _ in cells}), sorted({column for _, column in cells})
        ends = Counter(cells.values())
        skipped = f", {ends['skipped']} skipped" if ends["skipped"] else ""
        terminalreporter.write_line(
            f"{name}: {len(rows)} x {len(columns)}, {ends['passed']} of {len(cells)} cells passed{skipped}"
        )
        table = {row: {column: cells[row, column] for column in columns if (row, column) in cells} for row in rows}
        (OUT / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.json").write_text(
            json.dumps(table, ensure_ascii=False, indent=2) + "\n"
        )


def _pair(cell: Any) -> tuple[str, str]:
    row, column = cell
    return str(row), str(column)
