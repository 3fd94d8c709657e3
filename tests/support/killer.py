"""A worker as a process of its own whose call of one piece kills it: `python -m support.killer <database url>`."""

import asyncio
import os
import signal
import sys

from hoso_chassis.database import Database
from support.work_queue import Outside, Piece, kind, working

POISON = "poison"


def kill(piece: Piece) -> None:
    """Do what the piece asks for: the poisonous one ends the process at once."""
    if piece.key == POISON:
        os.kill(os.getpid(), signal.SIGKILL)


async def work(url: str) -> None:
    """Work until killed."""
    database = Database(url, "/hoso/dossier")
    await database.open()
    async with working(database, kind(Outside(kill), concurrency=8)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
