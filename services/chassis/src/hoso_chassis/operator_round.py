"""One round of an operator's acts: the service at hand, one act after the other at a pace, told as they end."""

import argparse
import re
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hoso_chassis import migrations
from hoso_chassis.letter_lines import refuse, say
from hoso_chassis.pace import Pace
from hoso_chassis.postgres import AWAY
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings

I = TypeVar("I")  # noqa: E741 - an item
MOST: Final = 1000
_LARGEST: Final = 1_000_000
RATE: Final = 50.0
_NAME: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")


def add_acting(parser: argparse.ArgumentParser) -> None:
    """Add what every command that changes something takes."""
    parser.add_argument("file", metavar="FILE", help="what `list` wrote; - reads standard input")
    parser.add_argument("--by", metavar="NAME", type=_name, help="who acts; required unless --dry-run")
    parser.add_argument("--dry-run", action="store_true", help="try each and keep nothing")
    parser.add_argument("--max", metavar="N", type=positive, default=MOST, help=f"refuse a longer list ({MOST})")
    parser.add_argument("--rate", metavar="N", type=_rate, default=RATE, help=f"at most so many a second ({RATE:g})")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("a name has 1 to 64 of A-Z a-z 0-9 . _ @ -")
    return text


def positive(text: str) -> int:
    """A whole number from 1 to a million."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LARGEST):
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {_LARGEST}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= _LARGEST:
        raise argparse.ArgumentTypeError("a number above 0")
    return rate


def who(options: argparse.Namespace) -> str:
    """Who acts, or nobody at a dry run; without a name nothing is changed."""
    if options.by is None and not options.dry_run:
        refuse("--by NAME is missing: who acts is kept with what was done (or say --dry-run); nothing was done")
    return options.by or ""


@asynccontextmanager
async def at_hand(service: Service[Any, Any], settings: ServiceSettings) -> AsyncGenerator[Parts[Any]]:
    """The service's parts with an open database; nothing is started and no outside system is spoken to.

    Raises:
        SystemExit: the database does not answer, or ceased to.
        DatabaseNotMigrated: it lacks tables of this code.
    """
    parts = service.build(settings)
    try:
        await parts.database.open()
        async with parts.database.connection() as connection:
            await migrations.require_migrated(connection, service.all_migrations)
        yield parts
    except AWAY as error:
        sys.stderr.write(
            f"{service.name}: the database does not answer ({type(error).__name__}); what was told as done is done, "
            "and the same list may be given again\n"
        )
        raise SystemExit(1) from None
    finally:
        await parts.database.close()


@dataclass(frozen=True, slots=True)
class Told:
    """How an act ended: the outcome in a word, for the count, and the line about it."""

    outcome: str
    line: str


async def act_on_each(
    items: Sequence[I], act: Callable[[I], Awaitable[Told]], pace: Pace, what: str, *, dry: bool
) -> Counter[str]:
    """Act on one after the other, tell each on standard output, and the counts at the end."""
    counts: Counter[str] = Counter()
    with _bar(len(items)) as advance:
        for item in items:
            await pace.turn()
            told = await act(item)
            counts[told.outcome] += 1
            say(f"{told.line}\n".encode())
            advance()
    ends = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "none"
    say(f"{what}: {len(items)}: {ends}{' (dry run: nothing was changed)' if dry else ''}\n".encode())
    return counts


@contextmanager
def _bar(total: int) -> Generator[Callable[[], None]]:
    """A progress bar, where somebody looks at standard error."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - costs 60 ms that no other command should pay
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), redirect_stdout=False) as progress:
        task = progress.add_task("", total=total)
        yield lambda: progress.advance(task)
