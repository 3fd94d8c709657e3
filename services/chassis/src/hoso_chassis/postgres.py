"""The one door to the driver: what a connection is, and which of its errors mean "later", "again" or "never here"."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

if TYPE_CHECKING:  # generic in the stubs only
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection | PoolConnectionProxy
    Pool = asyncpg.Pool
Row: TypeAlias = asyncpg.Record

# The database is away or going: nothing was decided, the same thing may be tried again later.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the driver, when the connection ends at a moment that it did not think of
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,  # a statement_timeout of the server's own, or an administrator
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it is promoted or the address leads to the primary
    asyncpg.IdleInTransactionSessionTimeoutError,  # who slept in a transaction, SIGSTOP among the reasons
    asyncpg.PostgresSystemError,  # its disk or its files fail
)
# Two transactions met; the one that lost is run again as it was.
CONFLICT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
# The tables are not those of this code: no record is at fault, and no other try is better.
FOREIGN = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)


def is_unencodable(error: BaseException) -> bool:
    """Whether an argument does not fit its column's type: a kind of `AWAY` by its class, and yet our own fault."""
    return isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)


class _Stateless(asyncpg.Connection):  # pyright: ignore[reportMissingTypeArgument] - generic in the stubs only
    """A connection that nobody leaves anything on: locks, settings and cursors are a transaction's own here.

    A pool's usual reset is one round trip more for each use; a transaction that is open is ended all the same.
    """

    def get_reset_query(self) -> str:
        """Ask for nothing."""
        return ""


async def open_pool(url: str, size: int, application: str) -> Pool:
    """Connect, with time-outs that end a forgotten lock or transaction; raises one of `AWAY`."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        command_timeout=30,
        connection_class=_Stateless,
        server_settings={
            "application_name": application,
            "lock_timeout": "5s",
            "idle_in_transaction_session_timeout": "20s",
        },
    )
