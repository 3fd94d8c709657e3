"""The api role of storage as a real process, and how much memory it has."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from support.raw_http import listening
from support.storage_samples import receipt_key_file
from support.storage_service import ISSUER, S3Bucket, free_port, jwks
from support.waiting import until_async


@dataclass
class Process:
    """The service in a process of its own."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kilobytes(self, what: str) -> int:
        """What the kernel says of its memory, such as VmRSS."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))

    def files(self) -> Iterator[Path]:
        """What it has open."""
        return Path(f"/proc/{self.pid}/fd").iterdir()

    def forget_peak(self) -> None:
        """Let VmHWM begin again."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@asynccontextmanager
async def storage_process(database_url: str, folder: Path, settings: dict[str, str]) -> AsyncGenerator[Process]:
    """The api role on a migrated database; `settings` are environment, of the object store at least."""
    issuer = FastAPI()
    issuer.get("/jwks")(jwks)
    async with listening(issuer) as issuer_server:
        port = free_port()
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "DATABASE_URL": database_url,
            "RECEIPT_PRIVATE_KEY_FILE": str(receipt_key_file(folder)),
            "HTTP_PORT": str(port),
            "JWKS_URL": f"http://127.0.0.1:{issuer_server.port}/jwks",
            "TOKEN_ISSUER": ISSUER,
            **settings,
        }
        migrate = await asyncio.create_subprocess_exec(sys.executable, "-m", "hoso_storage", "migrate", env=environment)
        assert await migrate.wait() == 0
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hoso_storage", "serve", "--role", "api", env=environment
        )
        try:
            running = Process(process.pid, port)
            async with httpx.AsyncClient() as client:

                async def alive() -> bool:
                    try:
                        return (await client.get(f"{running.url}/livez")).status_code == 200
                    except httpx.TransportError:
                        return False

                await until_async(alive, within=60)
            yield running
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


def s3_of(bucket: S3Bucket) -> dict[str, str]:
    """The settings of an object store."""
    objects = bucket.objects
    return {
        "S3_ENDPOINT": objects.endpoint,
        "S3_ACCESS_KEY": objects.access_key,
        "S3_SECRET_KEY": objects.secret_key,
        "S3_BUCKET": objects.bucket,
    }
