"""Lists of what failed, as JSON lines: written to look at and to act on; of what is read only the id counts."""

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

STANDARD: Final = "-"
"""The name of standard input."""
_USAGE: Final = 2  # exit status of a call that cannot be carried out as it is: nothing was done
_LARGEST: Final = 64 * 1024 * 1024  # bytes of a list; a line has about 500


def refuse(why: str) -> NoReturn:
    """End the command before it has done anything."""
    sys.stderr.write(f"{why}\n")
    raise SystemExit(_USAGE)


def write(lines: Iterable[Mapping[str, object]], out: Path | None) -> None:
    """Write one line each to the file, or to standard output; whoever reads that may stop early."""
    text = b"".join(orjson.dumps(line, default=str) + b"\n" for line in lines)
    if out is None:
        say(text)
        return
    try:
        out.write_bytes(text)
    except OSError as error:
        refuse(f"{out} cannot be written ({type(error).__name__}); without --out the list goes to standard output")


def say(text: bytes) -> None:
    """Write to standard output; a reader that has gone ends the command without a word."""
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
        raise SystemExit(1) from None


def read_ids(name: str, most: int) -> list[Any]:
    """The ids of a list, in its order, each once; ends the command unless every line has one.

    Args:
        name: of the file, or "-".
        most: a longer list is refused.
    """
    ids = list(dict.fromkeys(_ids(name)))
    if len(ids) > most:
        refuse(f"{len(ids)} lines are more than --max {most}: list fewer, or raise --max; nothing was done")
    return ids


def _ids(name: str) -> Iterable[str | int]:
    try:
        if name == STANDARD:
            text = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                text = file.read(_LARGEST + 1)
    except OSError as error:
        refuse(f"the list cannot be read ({type(error).__name__}); nothing was done")
    if len(text) > _LARGEST:
        refuse(f"the list has more than {_LARGEST} bytes; nothing was done")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield _id(number, line)


def _id(number: int, line: bytes) -> str | int:
    try:
        found = orjson.loads(line)["id"]
    except (ValueError, KeyError, TypeError):
        refuse(f"line {number} is no line of a list; nothing was done")
    if not isinstance(found, str | int):
        refuse(f"line {number} has no id; nothing was done")
    return found
