"""Seconds until a role is ready, and the memory it then holds: the worst of all roles of all services.

Each role is started beside a running stack, three times. The limit (limits/start_api.py, limits/start_worker.py) is a
hello world of the same frameworks: FastAPI under uvicorn with one connection to the database, FastStream with one
subscriber to Kafka. What would make the ratio rise: imports, and whatever is waited for before the first request or
record.
"""

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from bench.measured import ROOT, Bench, Run, result, tell, write
from bench.places import Place, place
from bench.processes import resident_mb
from hoso_stack.layout import ROLES, SERVICES
from support.waiting import until_async

TIMES: Final = 5
BENCH: Final = Bench(
    "start",
    "s",
    "a hello world of FastAPI with a database connection, and one of FastStream with a subscriber",
    1.5,
    1.2,
    is_cost=True,
    conditions="beside a running stack; the worst of the roles",
)


MEASURES: Final[Sequence[tuple[str, str, Callable[[Run], float]]]] = (
    ("start", "s", lambda run: run.seconds),
    ("memory", "MB", lambda run: run.more["idle_mb"]),
)


async def main() -> None:
    """Measure every role, and the two limits in between."""
    with place(*(f"{service}-{role}" for service in SERVICES for role in ROLES)) as servers:
        found: dict[str, list[tuple[Run, Run]]] = {}
        for _ in range(TIMES):
            limits = {role: await _hello(servers, role) for role in ROLES}
            for service in SERVICES:
                for role in ROLES:
                    found.setdefault(f"{service}-{role}", []).append(
                        (await _role(servers, service, role), limits[role])
                    )
    for name, unit, value in MEASURES:
        worst = max(
            found, key=lambda one: statistics.median([value(ours) / value(limit) for ours, limit in found[one]])
        )
        ours, limit = [one for one, _ in found[worst]], [other for _, other in found[worst]]
        bench = replace(BENCH, name=name, unit=unit, conditions=f"{BENCH.conditions}: {worst}")
        write(result(bench, ours, limit, ([value(one) for one in ours], [value(one) for one in limit])))
        tell(f"{name}: worst is {worst}")


async def _role(servers: Place, service: str, role: str) -> Run:
    pid = int(servers.env[f"PID_{service.upper()}_{role.upper()}"])
    environment = _environment(pid)
    port = _free_port()
    environment |= {"HTTP_PORT" if role == "api" else "HEALTH_PORT": str(port), "GROUP_INSTANCE_ID": f"bench-{port}"}
    environment.pop("SPANS_FILE", None)
    return await _until_ready([f"hoso_{service}", "serve", "--role", role], environment, port)


async def _hello(servers: Place, role: str) -> Run:
    port = _free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DATABASE_URL": servers.env["DOSSIER_DATABASE_URL"],
        "KAFKA_BOOTSTRAP_SERVERS": servers.env["KAFKA_BOOTSTRAP_SERVERS"],
        "PYTHONPATH": str(ROOT / "tests"),
        "PORT": str(port),
    }
    return await _until_ready(
        ["bench.limits.start_api" if role == "api" else "bench.limits.start_worker"], environment, port
    )


def _environment(pid: int) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in Path(f"/proc/{pid}/environ").read_text().split("\0") if pair)
    return {name: value for name, _, value in pairs}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


async def _until_ready(command: Sequence[str], environment: Mapping[str, str], port: int) -> Run:
    since = time.perf_counter()
    async with _process(command, environment) as pid, httpx.AsyncClient(trust_env=False) as client:
        await until_async(partial(_is_ready, client, port), within=60)
        return Run(1, time.perf_counter() - since, more={"idle_mb": resident_mb(pid)})


async def _is_ready(client: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await client.get(f"http://127.0.0.1:{port}/readyz")).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _process(command: Sequence[str], environment: Mapping[str, str]) -> AsyncGenerator[int]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command), env=dict(environment), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        await process.wait()
