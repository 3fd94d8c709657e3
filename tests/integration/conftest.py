"""Fixtures of the integration tests: real parts, a new database for every test."""

from collections.abc import AsyncGenerator, Generator, Mapping
from uuid import uuid4

import asyncpg
import pytest

from hoso_chassis import inbox, migrations
from hoso_chassis.database import Database, utc_now
from support.counting import TABLE
from support.fuzz_targets import Targets, running
from support.parts import started

CHASSIS = ("hoso_chassis.sql",)


@pytest.fixture(scope="package", autouse=True)
def servers() -> Generator[Mapping[str, str]]:
    """Kafka with the topics of the contracts, PostgreSQL and MinIO, as the values of their stack.env."""
    with started() as values:
        yield values


@pytest.fixture(scope="package")
def postgres(servers: Mapping[str, str]) -> str:
    """URL of a real PostgreSQL whose user may create databases."""
    return servers["POSTGRES_URL"]


@pytest.fixture(scope="package")
def targets(postgres: str, servers: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Generator[Targets]:
    """The api roles of dossier and storage as processes, for tests that send them whatever there is."""
    with running(postgres, servers, tmp_path_factory.mktemp("apis")) as found:
        yield found


@pytest.fixture(scope="package")
def kafka(servers: Mapping[str, str]) -> str:
    """Bootstrap servers of a real broker that has the topics of the contracts."""
    return servers["KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture
async def database_url(postgres: str) -> AsyncGenerator[str]:
    """URL of an empty database, dropped afterwards."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(postgres)
    try:
        await admin.execute(f'CREATE DATABASE "{name}"')
        yield postgres.rpartition("/")[0] + f"/{name}"
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncGenerator[Database]:
    """An open database with the chassis' tables and the counting service's."""
    database = Database(database_url, "/hoso/dossier")
    await database.open()
    async with database.connection() as connection:
        await migrations.migrate(connection, CHASSIS)
        await inbox.keep_window(connection, utc_now())
        await connection.execute(TABLE)
    yield database
    await database.close()
