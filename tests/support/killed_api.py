"""An api role as a process of its own that a test freezes and kills, on a database that somebody else has migrated."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.population import INHERITED
from support.storage_service import free_port
from support.waiting import until_async


@dataclass(frozen=True, slots=True)
class Victim:
    """The process, and a client of it."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    def freeze(self) -> None:
        """Let it neither read nor write any more, its connections open."""
        os.kill(self.process.pid, signal.SIGSTOP)

    async def kill(self) -> None:
        """End it at once, as a power cut does, frozen or not."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def victim(
    name: str, folder: Path, keys: Mapping[str, Any], issuer: str, settings: Mapping[str, str]
) -> AsyncGenerator[Victim]:
    """Service `name` with the role api, which believes tokens that are signed with one of these keys."""
    port = free_port()
    async with _answering(json.dumps(keys).encode()) as jwks_port:
        environment = {
            **INHERITED,
            "HTTP_PORT": str(port),
            "JWKS_URL": f"http://127.0.0.1:{jwks_port}/jwks",
            "TOKEN_ISSUER": issuer,
            **settings,
        }
        with (folder / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"hoso_{name}", "serve", "--role", "api"),
                env=environment,
                stdout=log,
                stderr=log,
            )
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            found = Victim(process, http)
            try:
                await until_async(lambda: _is_ready(found), within=60)
                yield found
            finally:
                await found.kill()


async def _is_ready(found: Victim) -> bool:
    assert found.process.returncode is None, "it ended instead of starting"
    try:
        return (await found.http.get("/readyz")).is_success
    except httpx.TransportError:
        return False


@asynccontextmanager
async def _answering(body: bytes) -> AsyncGenerator[int]:
    """A server that gives everybody this JSON; yields its port."""
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
