"""Sees to it that no dossier waits silently: what is overdue is asked for again; it decides nothing."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hoso_chassis.database import Database, Transaction
from hoso_dossier import overdue_identities, overdue_notices, overdue_papers

EVERY: Final = 30.0  # seconds between two looks
BATCH: Final = 200

AskAgain = Callable[[Transaction, timedelta, int], Awaitable[int]]
ANSWERS: Final[Mapping[str, AskAgain]] = {
    "identity": overdue_identities.ask_again,
    "papers": overdue_papers.ask_again,
    "notices": overdue_notices.ask_again,
}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watchdog:
    """Looks for one kind of overdue answer; several may look at once.

    Attributes:
        answer: whose: one of ANSWERS.
        period: how long an answer may take; after that it is asked for again, then ever more rarely, at least daily.
    """

    database: Database
    answer: str
    period: timedelta

    async def run(self) -> None:
        """Ask again about everything that is overdue now, a batch a transaction."""
        asked, last = 0, BATCH
        while last == BATCH:
            async with self.database.transaction() as tx:
                last = await ANSWERS[self.answer](tx, self.period, BATCH)
            asked += last
        if asked:
            log.warning("answers-overdue", answer=self.answer, asked_again=asked)
