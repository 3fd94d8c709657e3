"""Writes docs/access.md, the access matrix as people read it: PYTHONPATH=tests python -m support.access_document."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from support.access import (
    ABSENT,
    AS_THE_ONE,
    CITIZENS,
    CREDENTIALS,
    OFFICERS,
    OWNERS,
    PEOPLE,
    ROWS,
    THE_OFFICER,
    WRONG_ROLE,
    Row,
)

FILE: Final = Path(__file__).resolve().parents[2] / "docs/access.md"
COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "owner": ("owner",),
    "owner, level 1": ("owner, level 1",),
    "other citizens": sorted(CITIZENS - OWNERS),
    "officer of the unit": (THE_OFFICER,),
    "other officers": sorted(OFFICERS - {THE_OFFICER}),
    "agency, operator, service": [name for name in PEOPLE if name not in CITIZENS | OFFICERS],
}
_HEAD: Final = """\
# Who may do what

What every caller is told at every route. `make contracts` writes this page from tests/support/access.py;
[a test](../tests/integration/test_access.py) tries every cell on the real applications, and fails at a route that has
no row here.

- **404** means "there is none" and "it is not yours" alike: the two answers are the same, byte for byte.
- **403** without a word is `wrong-role`: said from the token alone, before anything is looked up.
- **401** is said before either. A refusal changes nothing.
- What is open takes no token and looks at none. `/metrics` holds counts and route templates, no person and no id; keep
  it, `/livez` and `/readyz` inside all the same: a gateway needs to let through `/v1/` only.
- Storage takes a file for any `draft_id`, since it knows no drafts. Whose draft it is, dossier asks when the receipt is
  handed in: a receipt for another draft, or of another person, is refused there.
- A file is read by the citizen who sent it and by nobody else, officers included.
- Only officers of the unit that a dossier names see and decide it. That one of them may be its owner, nobody checks.
"""


def document() -> str:
    """The page."""
    services = "".join(
        f"\n## {service}\n\n{_table(_routes(list(rows)))}"
        for service, rows in groupby(ROWS, key=lambda row: row.service)
    )
    return "".join(
        [
            _HEAD,
            services,
            "\n## Whose token it is\n\n",
            _table([("caller", "who it is"), *((f"{name}", who) for name, who in PEOPLE.items())]),
            "\n## What comes of a token, where one is needed\n\n",
            "Tried at every such route, with the token of one who may.\n\n",
            _table(_tokens()),
        ]
    )


def _routes(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    yield "route", "about", *COLUMNS
    for (template, of, cells), same in groupby(rows, key=lambda row: (row.template, row.of, _cells(row))):
        yield f"{', '.join(row.method for row in same)} `{template}`", of, *cells


def _cells(row: Row) -> tuple[str, ...]:
    """What each column is told; all people of a column the same."""
    if not row.may:
        return ("open", *[""] * (len(COLUMNS) - 1))
    found: list[str] = []
    for column, people in COLUMNS.items():
        cell, *others = {row.people[name] for name in people}
        assert not others, f"{row.name} tells the people of the column {column} apart: give them columns of their own"
        found.append({WRONG_ROLE: "403", ABSENT: "404"}.get(cell, f"**{cell}**" if cell < "3" else cell))
    return tuple(found)


def _tokens() -> Iterator[tuple[str, ...]]:
    yield "sent", "told", "what it is"
    for name, (told, what) in CREDENTIALS.items():
        yield name, "as with any good token" if told == AS_THE_ONE else told, what


def _table(rows: Iterable[Sequence[str]]) -> str:
    head, *rest = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rest))


def main() -> None:
    """Write the page."""
    FILE.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
