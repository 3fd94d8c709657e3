"""The connection pool and the one shape of a transaction: state, facts and work commit together or not at all."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hoso_chassis.consequences import NO_CAUSE, Cause, Work
from hoso_chassis.forgotten import Recall, recall_nothing
from hoso_chassis.outbox import Announcements
from hoso_chassis.postgres import Connection, Pool, is_unencodable, open_pool
from hoso_chassis.work import WorkItems
from hoso_contracts.event import Event


class NotEncodable(Exception):
    """A value does not fit its column's type: our fault, and no reason to wait for the database."""


def utc_now() -> datetime:
    """The clock that everything uses unless a test passes another."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Transaction:
    """An open transaction that also collects what follows from it; flushed set-based just before the commit."""

    connection: Connection
    announcements: Announcements
    items: WorkItems
    cause: Cause = NO_CAUSE

    def announce(self, event: Event, cause: Cause | None = None) -> UUID:
        """Check the event and put it into the outbox at commit; return its id.

        Raises:
            NotAnnounceable: it may not be announced as it is.
        """
        return self.announcements.add(event, cause or self.cause)

    def enqueue(self, work: Work, cause: Cause | None = None) -> None:
        """Record work to be done after the commit."""
        self.items.add(work, cause or self.cause)

    def follow(self, consequence: Event | Work, cause: Cause | None = None) -> None:
        """Announce a fact or enqueue work, whichever it is."""
        if isinstance(consequence, Work):
            self.enqueue(consequence, cause)
        else:
            self.announce(consequence, cause)

    def mark(self) -> tuple[int, int]:
        """Where the collection stands; `rewind` goes back there."""
        return len(self.announcements), len(self.items)

    def rewind(self, mark: tuple[int, int]) -> None:
        """Forget what was collected since the mark."""
        self.announcements.rewind(mark[0])
        self.items.rewind(mark[1])

    async def flush(self) -> None:
        """Write what was collected; called by `Database.transaction`, and per record when a batch is taken apart."""
        await self.announcements.flush(self.connection)
        await self.items.flush(self.connection)


@dataclass(slots=True)
class Database:
    """One service's PostgreSQL database.

    Attributes:
        url: where it is, with credentials; never logged.
        source: CloudEvents source of everything announced here, "/hoso/<service>".
        max_ages: how old work of each kind may grow before it is given up.
        recall: what the service does about facts that this database has forgotten; its relay calls it.
    """

    url: str = field(repr=False)
    source: str
    size: int = 10
    clock: Callable[[], datetime] = utc_now
    max_ages: dict[str, timedelta] = field(default_factory=dict[str, timedelta])
    recall: Recall = recall_nothing
    _pool: Pool | None = None

    async def open(self) -> None:
        """Connect; raises one of `AWAY` when the database is not there."""
        self._pool = await open_pool(self.url, self.size, self.source)

    async def close(self) -> None:
        """Wait for connections in use (at most 5 s) and close the pool."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """A connection without a transaction, for single statements."""
        if self._pool is None:
            raise ConnectionError("the database is not open")
        async with self._pool.acquire(timeout=10) as connection:
            try:
                yield connection
            except Exception as error:
                if is_unencodable(error):
                    raise NotEncodable(type(error).__name__) from error
                raise

    @asynccontextmanager
    async def transaction(self, cause: Cause = NO_CAUSE) -> AsyncGenerator[Transaction]:
        """Commit state, announced facts and enqueued work together; an exception rolls all of it back."""
        async with self.connection() as connection, connection.transaction():
            tx = self.on(connection, cause)
            yield tx
            await tx.flush()

    def on(self, connection: Connection, cause: Cause = NO_CAUSE) -> Transaction:
        """A collector on a transaction that somebody else has opened."""
        return Transaction(connection, Announcements(self.source, self.clock()), WorkItems(self.max_ages), cause)

    async def ping(self) -> None:
        """Raise when the database does not answer."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")
