"""The moments around a commit at which a process is killed, reached by locks that a test has in PostgreSQL."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from support.killed_api import Victim
from support.precondition_routes import BEFORE_COMMIT, locked
from support.waiting import until_async

BEFORE, DURING, AFTER = MOMENTS = ("before the commit", "while it commits", "between commit and answer")
_IN_COMMIT: Final = "SELECT pg_advisory_xact_lock(4711)"
_WAIT: Final = """
CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(4711); RETURN NULL; END $$
"""
_WAIT_ON: Final = """
CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT OR UPDATE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_for_test()
"""


async def wait_in_commit(database_url: str, *tables: str) -> None:
    """Let a transaction that writes one of the tables wait inside COMMIT, which goes on without its client then."""
    connection = await asyncpg.connect(database_url)
    try:
        for statement in (_WAIT, *(_WAIT_ON.format(table=table) for table in tables)):
            await connection.execute(statement)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True)
class Moment:
    """When a process is killed with its requests in hand.

    Attributes:
        name: one of `MOMENTS`.
        requests: how many it has in hand.
        before: what is locked so that they stop before their commit.
        is_done: whether all of them have had their effect.
    """

    name: str
    requests: int
    is_done: Callable[[], Awaitable[bool]]
    before: str = BEFORE_COMMIT

    @asynccontextmanager
    async def of(self, process: Victim, database_url: str) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
        """Hold the requests that the block sends; the block calls what it is given, which ends the process.

        What the lock held goes on after the block: it is rolled back, or it commits although nobody is there any more.
        """
        async with locked(database_url, self.before if self.name == BEFORE else _IN_COMMIT) as waiting:

            async def kill() -> None:
                await until_async(waiting, within=10, is_=self.requests)
                if self.name == AFTER:
                    process.freeze()
                else:
                    await process.kill()

            yield kill
        if self.name != BEFORE:
            await until_async(self.is_done, within=10)
        await process.kill()
