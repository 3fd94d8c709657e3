"""What a statement answers, and what a statement is: steps that may wait for another transaction."""

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple

from simulation.rows import Transaction


class Answer(NamedTuple):
    """The tag of a command, and the rows of a query."""

    tag: str
    rows: Sequence[Any] = ()

    @staticmethod
    def of(rows: Iterable[Any]) -> "Answer":
        """Rows alone."""
        found = list(rows)
        return Answer(f"SELECT {len(found)}", found)


Steps = Generator[Transaction | None, None, Answer]
"""Yields the transaction to wait for, or None where others may come in between."""
