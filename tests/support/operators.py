"""An operator at the command line of the small counting service: what is said, and with which exit status it ends."""

import io
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch
from uuid import UUID

import orjson
from structlog.testing import capture_logs

from hoso_chassis import cli
from hoso_chassis.database import Database
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.work import Kind
from support.batches import rows
from support.counting import Count, Counting, CountStore

LETTERS: Final = "SELECT id, reason, detail, attempts FROM dead_letters ORDER BY record_offset"


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended: its status, what it wrote to standard output and, with the log, to standard error."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of a list."""
        return [orjson.loads(line) for line in self.out.splitlines()]

    @property
    def outcomes(self) -> list[str]:
        """The second word of each line but the last, which counts."""
        return [line.split()[1] for line in self.out.splitlines()[:-1]]


@dataclass(slots=True)
class Operator:
    """Somebody with a shell; `counting` are the handlers of the program that is deployed by now."""

    database: Database
    counting: Counting = field(default_factory=Counting)
    kinds: Sequence[Kind[Any, Any, Count]] = ()

    def _service(self) -> Service[ServiceSettings, Count]:
        def build(settings: ServiceSettings) -> Parts[Count]:
            ages = {kind.name: kind.max_age for kind in self.kinds}
            database = Database(settings.database_url.get_secret_value(), "/hoso/dossier", max_ages=ages)
            return Parts(database=database, store=CountStore(), inbound=self.counting.inbound, kinds=self.kinds)

        return Service("dossier", "0.1.0", ServiceSettings, build, ())

    async def runs(self, *arguments: str, given: str = "") -> Said:
        """Run one command, with `given` on its standard input."""
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
        service, stdin = self._service(), io.TextIOWrapper(io.BytesIO(given.encode()))
        settings = ServiceSettings.model_validate({"database_url": self.database.url})
        with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", stdin), capture_logs() as logged:
            try:
                options = cli._parser(service).parse_args(arguments)
                status = await options.command(service, settings, options)
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 1
        out.seek(0)
        return Said(status, out.read(), err.getvalue() + "".join(map(str, logged)))

    async def lists(self, *filters: str) -> str:
        """What `dead-letters list` writes."""
        return (await self.runs("dead-letters", "list", *filters)).out

    async def redrives(self, *options: str, given: str | None = None) -> Said:
        """Redrive everything there is, or what is given."""
        listed = await self.lists() if given is None else given
        return await self.runs("dead-letters", "redrive", "-", "--by", "linh", *options, given=listed)

    async def letters(self) -> list[dict[str, Any]]:
        """What is left in the table."""
        return [dict(row) for row in await rows(self.database, LETTERS)]

    async def acts(self) -> list[tuple[str, str, str, str]]:
        """The audit rows: who, by what, why it had died, what became of it."""
        found = await rows(self.database, "SELECT operator, command, reason, outcome FROM operator_actions ORDER BY id")
        return [(row[0], row[1], row[2], row[3]) for row in found]


@asynccontextmanager
async def somebody_holds(database: Database, letter: UUID) -> AsyncGenerator[None]:
    """Another redrive has the letter in hand."""
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SELECT FROM dead_letters WHERE id = $1 FOR UPDATE", letter)
        yield
