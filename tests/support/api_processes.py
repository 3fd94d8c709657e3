"""The api roles of dossier and storage as processes of their own, with their logs and spans in files."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
from minio import Minio

from support.dossier_samples import receipt_keys_file
from support.dossier_service import _KEY, ISSUER
from support.leaks import texts
from support.storage_samples import receipt_key_file
from support.storage_service import free_port
from support.waiting import until


@dataclass(slots=True)
class Api:
    """One api role."""

    name: str
    url: str
    database_url: str
    folder: Path
    _read: int = 0

    @property
    def log(self) -> Path:
        """Everything the process printed."""
        return self.folder / f"{self.name}.log"

    @property
    def spans(self) -> Path:
        """Its spans."""
        return self.folder / f"{self.name}.spans"

    def logged(self) -> str:
        """What the log has beyond what was read before; a line is written before the answer it is about."""
        data = self.log.read_bytes()
        new, self._read = data[self._read :], len(data)
        return new.decode()

    def spans_told(self) -> str:
        """Every different text of the spans so far, one a line, but for their own ids."""
        trace = uuid4().hex
        httpx.get(f"{self.url}/v1/nothing", headers={"traceparent": f"00-{trace}-{trace[:16]}-01"})
        until(lambda: trace in self.spans.read_text(), within=10)  # spans of a process come in order
        spans = [json.loads(line) for line in self.spans.read_text().splitlines()]
        return "\n".join(sorted({text for span in spans for text in texts(_without_ids(span))}))


def _without_ids(span: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in span.items() if name not in {"trace_id", "span_id", "parent"}}


@contextmanager
def _issuer() -> Generator[str]:
    """URL of the key set that tokens of `dossier_service.token` are verified with."""
    keys = json.dumps({"keys": [_KEY.as_dict(private=False)]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(name: str, database_url: str, folder: Path, settings: Mapping[str, str]) -> Generator[Api]:
    """A service's api role on an empty database, migrated by its own command."""
    port = free_port()
    api = Api(name, f"http://127.0.0.1:{port}", database_url, folder)
    with _issuer() as jwks_url, api.log.open("wb") as log:
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ},
            "DATABASE_URL": database_url,
            "HTTP_PORT": str(port),
            "JWKS_URL": jwks_url,
            "TOKEN_ISSUER": ISSUER,
            "SPANS_FILE": str(api.spans),
            **settings,
        }
        command = [sys.executable, "-m", f"hoso_{name}"]
        subprocess.run([*command, "migrate"], env=environment, check=True, stdout=log, timeout=60)
        process = subprocess.Popen([*command, "serve", "--role", "api"], env=environment, stdout=log, stderr=log)
        try:
            until(lambda: _ready(api), within=30)
            yield api
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def _ready(api: Api) -> bool:
    try:
        return httpx.get(f"{api.url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def dossier_api(database_url: str, folder: Path) -> Generator[Api]:
    """Dossier, which believes the receipts of `dossier_samples.receipt`."""
    with serving("dossier", database_url, folder, {"RECEIPT_PUBLIC_KEYS_FILE": str(receipt_keys_file(folder))}) as api:
        yield api


@contextmanager
def storage_api(database_url: str, folder: Path, parts: Mapping[str, str], **settings: str) -> Generator[Api]:
    """Storage with a bucket of its own in a real object store."""
    s3 = {name: parts[name] for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY")}
    client = Minio(
        s3["S3_ENDPOINT"].removeprefix("http://"),
        s3["S3_ACCESS_KEY"],
        s3["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
    )
    bucket = f"test-{uuid4().hex}"
    client.make_bucket(bucket)
    s3 |= {"S3_BUCKET": bucket, "RECEIPT_PRIVATE_KEY_FILE": str(receipt_key_file(folder))}
    try:
        with serving("storage", database_url, folder, s3 | settings) as api:
            yield api
    finally:
        for found in client.list_objects(bucket):
            client.remove_object(bucket, str(found.object_name))
        client.remove_bucket(bucket)


@contextmanager
def new_database(postgres: str) -> Generator[str]:
    """URL of an empty database, dropped afterwards."""

    async def execute(statement: str) -> None:
        connection = await asyncpg.connect(postgres)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    name = f"test_{uuid4().hex}"
    asyncio.run(execute(f'CREATE DATABASE "{name}"'))
    yield postgres.rpartition("/")[0] + f"/{name}"
    asyncio.run(execute(f'DROP DATABASE "{name}" WITH (FORCE)'))
