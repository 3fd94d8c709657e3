"""Forward-only migrations from package data: ordered, checksummed, one at a time; runs nothing but these files."""

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

from hoso_chassis import code_version
from hoso_chassis.code_version import Standing
from hoso_chassis.postgres import Connection

_LOCK = 0x686F736F  # "hoso": the advisory lock that one migrator holds
_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationChanged(Exception):
    """A migration that was applied differs from the file of that name; edit none, write a new one."""


class DatabaseNotMigrated(Exception):
    """The code needs migrations that the database has not; run `migrate` first."""


class LocksOutItself(Exception):
    """A migration demands newer code than the code it comes with."""


class Migration(NamedTuple):
    """One SQL file: `name` is package/file, `checksum` the SHA-256 of its text."""

    name: str
    sql: str
    checksum: str


def collect(packages: Sequence[str]) -> Iterator[Migration]:
    """Yield the `NNNN_*.sql` files of each package in order, the packages in the order given."""
    for package in packages:
        found = (
            entry for entry in files(package).iterdir() if entry.name[:4].isdigit() and entry.name.endswith(".sql")
        )
        for entry in sorted(found, key=lambda entry: entry.name):
            sql = entry.read_text("utf-8")
            yield Migration(f"{package.split('.')[0]}/{entry.name}", sql, hashlib.sha256(sql.encode()).hexdigest())


async def _applied(connection: Connection) -> dict[str, str]:
    return {row["name"]: row["checksum"] for row in await connection.fetch("SELECT name, checksum FROM migrations")}


def _pending(applied: dict[str, str], packages: Sequence[str]) -> Iterator[Migration]:
    for migration in collect(packages):
        if migration.name not in applied:
            yield migration
        elif applied[migration.name] != migration.checksum:
            raise MigrationChanged(migration.name)


def code_versions(packages: Sequence[str]) -> dict[str, int]:
    """The version of this code, by package: the number of its newest migration file, 0 when it has none."""
    none = {package.split(".")[0]: 0 for package in packages}
    return none | code_version.versions([migration.name for migration in collect(packages)])


async def migrate(connection: Connection, packages: Sequence[str]) -> list[str]:
    """Apply what is missing, all in one transaction, and return the names applied.

    Raises:
        CodeTooOld: the database allows newer code only; nothing was changed.
        LocksOutItself: this code could not run on what it would make; nothing was changed.
        MigrationChanged: a file was edited after it was applied; nothing was changed.
    """
    have = code_versions(packages)
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        await code_version.require_allowed(connection, have)
        names = await _apply(connection, list(_pending(await _applied(connection), packages)))
        try:
            await code_version.require_allowed(connection, have)
        except code_version.CodeTooOld as error:
            raise LocksOutItself(str(error)) from None
        return names


async def _apply(connection: Connection, pending: Sequence[Migration]) -> list[str]:
    for migration in pending:
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
        )
    return [migration.name for migration in pending]


async def require_migrated(connection: Connection, packages: Sequence[str]) -> list[Standing]:
    """Return the packages whose database is newer than this code and allows it.

    Raises:
        CodeTooOld: the database allows newer code only.
        DatabaseNotMigrated: a migration of this code is not applied.
        MigrationChanged: a file was edited after it was applied.
    """
    if await connection.fetchval("SELECT to_regclass('migrations')") is None:
        raise DatabaseNotMigrated("no migration was ever applied")
    newer = await code_version.require_allowed(connection, code_versions(packages))
    missing = [migration.name for migration in _pending(await _applied(connection), packages)]
    if missing:
        raise DatabaseNotMigrated(", ".join(missing))
    return newer
