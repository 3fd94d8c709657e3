"""`work list|retry`: calls to the outside that were given up or wait too long; shows no payload and no key."""

import argparse
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hoso_chassis.dead_work import Retried, Revival, search
from hoso_chassis.letter_lines import read_ids, refuse, write
from hoso_chassis.operator_round import MOST, Told, act_on_each, add_acting, at_hand, positive, who
from hoso_chassis.pace import Pace
from hoso_chassis.service import Service
from hoso_chassis.settings import ServiceSettings

_LARGEST_ID: Final = 2**63 - 1
_WHY: Final = {
    "may-have-happened": "it may have been done: once more may send a second SMS; --even-unknown does it all the same",
    "unreadable": "this program cannot read its payload",
    "no-such-kind": "this program performs no such work",
    "not-dead": "it is live again, or gone",
    "locked": "somebody else has it in hand",
}


def add(commands: Any) -> None:
    """Add the commands to a service's command line."""
    parser = commands.add_parser("work", help="look at calls to the outside that were given up, and make them again")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="one JSON line for each row that is dead or waits too long")
    listing.add_argument("--out", metavar="FILE", type=Path, help="write here instead of standard output")
    listing.add_argument("--kind", action="append", help="kind of work; may be given more than once")
    listing.add_argument("--older-than", metavar="MINUTES", type=positive, default=15, help="what waits too long (15)")
    listing.add_argument("--max", metavar="N", type=positive, default=MOST, help=f"at most so many ({MOST})")
    listing.set_defaults(command=_list)
    retrying = commands.add_parser("retry", help="make the dead rows of a list live again")
    add_acting(retrying)
    retrying.add_argument("--even-unknown", action="store_true", help="also what may have been done already")
    retrying.set_defaults(command=_retry)


async def _list(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    older_than = timedelta(minutes=options.older_than)
    async with at_hand(service, settings) as parts, parts.database.connection() as connection:
        found = await search(connection, options.kind, older_than, options.max + 1)
    write([asdict(one) for one in found[: options.max]], options.out)
    more = " and there are more: narrow it down, or raise --max" if len(found) > options.max else ""
    dead = sum(one.state == "dead" for one in found[: options.max])
    waiting = min(len(found), options.max) - dead
    sys.stderr.write(f"{service.name}: {dead} dead, {waiting} older than {options.older_than} minutes{more}\n")
    return 0


async def _retry(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    by, ids = who(options), [_row_id(number, found) for number, found in enumerate(_ids(options), 1)]
    async with at_hand(service, settings) as parts:
        revival = Revival(parts.database, parts.kinds, by, options.even_unknown, options.dry_run)

        async def act(job: int) -> Told:
            return _told(await revival.retry(job))

        what = f"{service.name}, work of {'standard input' if options.file == '-' else options.file}"
        counts = await act_on_each(ids, act, Pace(options.rate), what, dry=options.dry_run)
    return 0 if set(counts) <= {"retried", "not-dead"} else 1


def _ids(options: argparse.Namespace) -> list[Any]:
    return read_ids(options.file, options.max)


def _row_id(number: int, found: object) -> int:
    if not isinstance(found, int) or not 0 < found <= _LARGEST_ID:
        refuse(f"row {number} of the list has no row's id; nothing was done")
    return found


def _told(retried: Retried) -> Told:
    words = [str(retried.id), retried.outcome, retried.kind or "", retried.last_error or ""]
    if retried.outcome in _WHY:
        words.append(_WHY[retried.outcome])
    return Told(retried.outcome, "  ".join(word for word in words if word))
