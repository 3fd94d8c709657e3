"""The command line every service has: serve, migrate, check, and what an operator does about what failed."""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import uvloop

from hoso_chassis import dead_letter_commands, inbox, logs, migrations, work_commands
from hoso_chassis.code_version import CodeTooOld, Standing
from hoso_chassis.database import Database
from hoso_chassis.postgres import AWAY, Connection
from hoso_chassis.process import ROLES, serve
from hoso_chassis.service import Service
from hoso_chassis.settings import ServiceSettings, load


def run(service: Service[Any, Any], arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, do what it says and exit; a failure is one line and a status of 1."""
    options = _parser(service).parse_args(arguments)
    settings: ServiceSettings = load(service.settings)
    logs.configure(service.name, "cli", settings.log_level, sys.stderr.buffer)  # standard output is for the answer
    try:
        with asyncio.Runner(loop_factory=options.loop) as runner:
            raise SystemExit(runner.run(options.command(service, settings, options)))
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # as a shell says of SIGINT; what an operator's command had told is kept
    except migrations.DatabaseNotMigrated as error:
        raise SystemExit(f"{service.name}: migrations are missing ({error}); run `migrate` first") from None
    except CodeTooOld as error:
        raise SystemExit(f"{service.name}: {error}") from None
    except migrations.LocksOutItself as error:
        raise SystemExit(f"{service.name}: a migration demands newer code than it comes with ({error})") from None
    except migrations.MigrationChanged as error:
        raise SystemExit(
            f"{service.name}: migration {error} was changed after it was applied; write a new one"
        ) from None


def _parser(service: Service[Any, Any]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m hoso_{service.name}")
    parser.set_defaults(loop=asyncio.new_event_loop)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="run one or more roles until SIGTERM")
    serving.add_argument("--role", type=_roles, default=ROLES, help="any of api,worker,relay (default: all)")
    serving.set_defaults(command=_serve, loop=uvloop.new_event_loop)  # a quarter less processor time a request
    commands.add_parser("migrate", help="bring the database up to this code").set_defaults(command=_migrate)
    commands.add_parser("check", help="check settings and database, start nothing").set_defaults(command=_check)
    dead_letter_commands.add(commands)
    work_commands.add(commands)
    return parser


def _roles(text: str) -> tuple[str, ...]:
    roles = tuple(text.split(","))
    if not roles or not set(roles) <= set(ROLES):
        raise argparse.ArgumentTypeError(f"choose from {','.join(ROLES)}")
    return roles


async def _serve(service: Service[Any, Any], settings: ServiceSettings, options: argparse.Namespace) -> int:
    return await serve(service, settings, options.role)


async def _migrate(service: Service[Any, Any], settings: ServiceSettings, _: argparse.Namespace) -> None:
    async with _connected(service, settings) as connection:
        names = await migrations.migrate(connection, service.all_migrations)
        await inbox.keep_window(connection, datetime.now(UTC))
        newer = await migrations.require_migrated(connection, service.all_migrations)
    sys.stdout.write(f"{service.name}: {', '.join(names) if names else 'nothing to migrate'}{_beside(newer)}\n")


async def _check(service: Service[Any, Any], settings: ServiceSettings, _: argparse.Namespace) -> None:
    async with _connected(service, settings) as connection:
        newer = await migrations.require_migrated(connection, service.all_migrations)
    sys.stdout.write(f"{service.name}: settings are complete, the database is migrated{_beside(newer)}\n")


def _beside(newer: Sequence[Standing]) -> str:
    """Words for a database that is newer than this code and lets it live."""
    return "".join(f"; {one.package} is at {one.applied} there, still allows {one.have}, as here" for one in newer)


@asynccontextmanager
async def _connected(service: Service[Any, Any], settings: ServiceSettings) -> AsyncGenerator[Connection]:
    database = Database(settings.database_url.get_secret_value(), f"/hoso/{service.name}", size=1)
    try:
        await database.open()
        async with database.connection() as connection:
            yield connection
    except AWAY as error:
        raise SystemExit(f"{service.name}: the database does not answer ({type(error).__name__})") from None
    finally:
        await database.close()
