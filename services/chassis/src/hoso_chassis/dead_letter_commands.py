"""`dead-letters list|explain|redrive|purge`: inspect to a file, act on the file; shows no value of any record."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from hoso_chassis import dead_letters, letter_account, operator_actions
from hoso_chassis.batch import Batches
from hoso_chassis.dead_letter_search import Outside, Wanted, known_type, search
from hoso_chassis.letter_lines import read_ids, refuse, say, write
from hoso_chassis.operator_round import MOST, Told, act_on_each, add_acting, at_hand, positive, who
from hoso_chassis.pace import Pace
from hoso_chassis.redrive import Desk, Ended
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def add(commands: Any) -> None:
    """Add the commands to a service's command line."""
    parser = commands.add_parser("dead-letters", help="look at records that could not be taken in, and take them in")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands.add_parser("list", help="one JSON line a letter, to look at and to act on"))
    explaining = commands.add_parser("explain", help="what happened to one letter, and what would happen to it now")
    explaining.add_argument("id", metavar="ID", type=UUID, help="of the letter, as `list` shows it")
    explaining.set_defaults(command=_explain)
    redriving = commands.add_parser("redrive", help="run the letters of a list through their handlers")
    add_acting(redriving)
    redriving.set_defaults(command=_redrive)
    purging = commands.add_parser("purge", help="remove the letters of a list: what they ask for never happens")
    add_acting(purging)
    purging.set_defaults(command=_purge)


def _add_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", type=Path, help="write here instead of standard output")
    parser.add_argument("--reason", action="append", help="why they died; may be given more than once, as the next two")
    parser.add_argument("--type", action="append", help="event type, such as hoso.identity.verified.v1")
    parser.add_argument("--topic", action="append", help="topic they came from")
    parser.add_argument("--since", metavar="TIME", type=moment, help="died then or later: 90m, 6h, 2d, or an instant")
    parser.add_argument("--until", metavar="TIME", type=moment, help="died before")
    parser.add_argument("--key", help="record key, as text")
    parser.add_argument("--dossier", type=UUID, help="dossier they are about")
    parser.add_argument("--max", metavar="N", type=positive, default=MOST, help=f"at most so many ({MOST})")
    parser.set_defaults(command=_list)


def moment(text: str) -> datetime:
    """An instant with its offset, or how long ago: 90m, 6h, 2d.

    Raises:
        argparse.ArgumentTypeError: it is neither.
    """
    try:
        if text[-1:] in _UNITS and text[:-1].isdecimal():
            return datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else _naive()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("say 90m, 6h or 2d, or an instant as 2026-11-25T03:00+07:00") from None


def _naive() -> datetime:
    raise ValueError


def wanted(options: argparse.Namespace) -> Wanted:
    """The filters as they were given; a dossier is a key, in either spelling."""
    keys = [options.key.encode()] if options.key is not None else None
    if options.dossier is not None:
        text = str(options.dossier)
        named = [text.encode(), text.upper().encode()]
        keys = named if keys is None else [key for key in named if key in keys]
    return Wanted(options.reason, options.type, options.topic, options.since, options.until, keys)


async def _list(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    async with at_hand(service, settings) as parts, parts.database.connection() as connection:
        found = await search(connection, service.group, wanted(options), options.max + 1)
    write([_line(one) for one in found[: options.max]], options.out)
    more = " and there are more: narrow it down, or raise --max" if len(found) > options.max else ""
    sys.stderr.write(f"{service.name}: {min(len(found), options.max)} dead letters{more}\n")
    return 0


def _line(one: Outside) -> Mapping[str, object]:
    return {name: value for name, value in asdict(one).items() if name != "dossier" or value is not None}


async def _explain(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    async with at_hand(service, settings) as parts:
        async with parts.database.connection() as connection:
            letter = await dead_letters.find(connection, service.group, options.id)
            past = await operator_actions.of_item(connection, str(options.id))
        if letter is None:
            gone = [f"{act.at:%Y-%m-%d %H:%M:%S}Z  {act.command} by {act.operator}: {act.outcome}" for act in past]
            refuse("\n".join([f"{service.name}: no such dead letter (any more)", *gone]))
        now = await Desk(_batches(service, parts), dry=True).redrive(options.id)
    say(letter_account.account(service.name, letter, past, now).encode())
    return 0


async def _redrive(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    by, ids = who(options), _letter_ids(options)
    async with at_hand(service, settings) as parts:
        desk = Desk(_batches(service, parts), by, options.dry_run)

        async def act(letter_id: UUID) -> Told:
            return _told(await desk.redrive(letter_id))

        counts = await act_on_each(ids, act, Pace(options.rate), _what(service, options), dry=options.dry_run)
    return 1 if counts["failed-again"] else 0


async def _purge(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    by, ids = who(options), _letter_ids(options)
    async with at_hand(service, settings) as parts:
        desk = Desk(_batches(service, parts), by, options.dry_run)

        async def act(letter_id: UUID) -> Told:
            return _told(await desk.purge(letter_id))

        await act_on_each(ids, act, Pace(options.rate), _what(service, options), dry=options.dry_run)
    return 0


def _what(service: Service[Any, Any], options: argparse.Namespace) -> str:
    return f"{service.name}, letters of {'standard input' if options.file == '-' else options.file}"


def _letter_ids(options: argparse.Namespace) -> Sequence[UUID]:
    ids: list[UUID] = []
    for number, found in enumerate(read_ids(options.file, options.max), 1):
        try:
            ids.append(UUID(str(found)))
        except ValueError:
            refuse(f"letter {number} of the list has no letter's id; nothing was done")
    return ids


def _batches(service: Service[Any, Any], parts: Parts[Any]) -> Batches[Any]:
    return Batches(parts.database, service.group, parts.inbound, parts.store, parts.policy)


def _told(ended: Ended) -> Told:
    words: list[str] = [str(ended.id), ended.outcome]
    if ended.letter is not None:
        words.append(known_type(ended.letter.type) or ended.letter.record.topic)
    if ended.died is not None and ended.letter is not None:
        words.append(f"{ended.died.reason} {ended.died.detail} (attempt {ended.letter.attempts + 1})")
    if ended.follows:
        words.append(f"would announce or enqueue: {', '.join(ended.follows)}")
    return Told(ended.outcome, "  ".join(words))
