"""Forward-only migrations from package data: ordered, checksummed, one at a time; runs nothing but these files."""

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

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


async def migrate(connection: Connection, packages: Sequence[str]) -> list[str]:
    """Apply what is missing, all in one transaction, and return the names applied."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(_TABLE)
        names: list[str] = []
        for migration in _pending(await _applied(connection), packages):
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
            )
            names.append(migration.name)
        return names


async def require_migrated(connection: Connection, packages: Sequence[str]) -> None:
    """Raise DatabaseNotMigrated unless every migration of this code is applied; a newer database is fine."""
    if await connection.fetchval("SELECT to_regclass('migrations')") is None:
        raise DatabaseNotMigrated("no migration was ever applied")
    missing = [migration.name for migration in _pending(await _applied(connection), packages)]
    if missing:
        raise DatabaseNotMigrated(", ".join(missing))
