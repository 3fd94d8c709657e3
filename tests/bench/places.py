"""Where benches run: real servers of their own, fresh databases on them, and child processes that are measured."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg

from bench.measured import ROOT, Run
from bench.processes import cpu_of_all
from hoso_stack.stack import running

_INHERITED: Final = ("PATH", "HOME", "LC_ALL", "HOSO_BENCH_RECORDS")


@dataclass(frozen=True, slots=True)
class Place:
    """Running servers."""

    folder: Path
    env: Mapping[str, str]

    @property
    def servers(self) -> dict[str, int]:
        """Process ids of broker and database."""
        return {name: int(self.env[f"PID_{name.upper()}"]) for name in ("kafka", "postgres")}


@contextmanager
def place(*parts: str) -> Generator[Place]:
    """Kafka with its topics, PostgreSQL, and more parts of the stack, for as long as the block lasts."""
    folder = ROOT / "out/bench-stack" / uuid4().hex[:8]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with running(folder, ["topics", "postgres", *parts]) as stack:
        yield Place(folder, stack.env())


@asynccontextmanager
async def database(place: Place, schema: str = "") -> AsyncGenerator[str]:
    """The URL of a fresh database with the chassis' tables and `schema`; gone afterwards."""
    from hoso_chassis import inbox, migrations  # noqa: PLC0415 - limits do without

    name = f"bench_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(place.env["POSTGRES_URL"])
    await admin.execute(f"CREATE DATABASE {name}")
    url = f"{place.env['POSTGRES_URL'].rpartition('/')[0]}/{name}"
    try:
        connection = await asyncpg.connect(url)
        await migrations.migrate(connection, ("hoso_chassis.sql",))
        from hoso_chassis.database import utc_now  # noqa: PLC0415

        await inbox.keep_window(connection, utc_now())
        if schema:
            await connection.execute(schema)
        await connection.close()
        yield url
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def child(place: Place, module: str, *arguments: str, **environment: str) -> Run:
    """Run `python -m <module>` and take what it measured.

    It writes a line "begin" when the measured part begins, and "end" with JSON when it is over: units, seconds, cpu_ms
    (its own) and more. Broker and database are looked at in between.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**inherited, "PYTHONPATH": str(ROOT / "tests"), **place.env, **environment},
    )
    assert process.stdout is not None
    line = b""
    try:
        while (line := await process.stdout.readline()) and line.strip() != b"begin":
            pass
        before = cpu_of_all(place.servers)
        while (line := await process.stdout.readline()) and not line.startswith(b"end "):
            pass
        after = cpu_of_all(place.servers)
        found: dict[str, Any] = json.loads(line.removeprefix(b"end "))
    finally:
        if process.returncode is None and not line:
            process.kill()
        await process.wait()
    units = found["units"]
    servers = {name: (after[name] - before[name]) / units for name in after}
    return Run(units, found["seconds"], {"python": found["cpu_ms"] / units, **servers}, found.get("more", {}))
