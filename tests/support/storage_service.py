"""The service storage for integration tests: real parts, a real database, and the object store that a test asks for."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey
from minio import Minio

from hoso_chassis import inbox, migrations
from hoso_chassis.database import Database
from hoso_chassis.health import Health
from hoso_chassis.http import create_app
from hoso_chassis.service import Parts
from hoso_chassis.tokens import TokenVerifier
from hoso_storage.app import build, service
from hoso_storage.domain import DraftFiles
from hoso_storage.objects import Objects, ObjectsInMemory, S3Objects
from hoso_storage.settings import StorageSettings
from support.parts import parts
from support.storage_samples import content_type, form, receipt_key_file

ISSUER = "https://issuer.example"
LIFE = 7200  # seconds: tests are collected at the beginning of a run, and some hold tokens from then on
_KEY = OKPKey.generate_key("Ed25519", {"kid": "issuer-1", "use": "sig"})


def token(subject: str = "p-1", role: str = "citizen") -> str:
    """A bearer token that the service believes."""
    now = int(time())
    claims = {"iss": ISSUER, "aud": "hoso", "sub": subject, "role": role, "iat": now, "exp": now + LIFE}
    return jwt.encode({"alg": "Ed25519", "kid": "issuer-1", "typ": "JWT"}, claims, _KEY, algorithms=["Ed25519"])


def jwks() -> dict[str, Any]:
    """The issuer's key set."""
    return {"keys": [_KEY.as_dict(private=False)]}


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def verifier() -> TokenVerifier:
    """Believes what `token` makes; the issuer is a function."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=jwks()))
    return TokenVerifier("https://issuer.example/jwks", ISSUER, client=httpx.AsyncClient(transport=transport))


class Bucket(Protocol):
    """An object store as a test looks at it, from the outside."""

    @property
    def objects(self) -> Objects: ...

    def listed(self) -> set[UUID]: ...

    def remove(self, key: UUID) -> None: ...


@dataclass
class MemoryBucket:
    objects: ObjectsInMemory

    def listed(self) -> set[UUID]:
        return set(self.objects.objects)

    def remove(self, key: UUID) -> None:
        del self.objects.objects[key]


@dataclass
class S3Bucket:
    objects: S3Objects
    client: Minio

    def listed(self) -> set[UUID]:
        return {UUID(str(one.object_name)) for one in self.client.list_objects(self.objects.bucket)}

    def remove(self, key: UUID) -> None:
        self.client.remove_object(self.objects.bucket, str(key))


@asynccontextmanager
async def s3_bucket() -> AsyncGenerator[S3Bucket]:
    """A new bucket of a real object store, removed afterwards with all that is in it."""
    endpoint, access_key, secret_key = (parts()[name] for name in ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY"))
    endpoint = endpoint.removeprefix("http://")
    client = Minio(endpoint, access_key=access_key, secret_key=secret_key, secure=False, region="us-east-1")
    name = f"test-{uuid4().hex}"
    client.make_bucket(name)
    async with S3Objects(endpoint, access_key, secret_key, name, "us-east-1", 8) as objects:
        bucket = S3Bucket(objects, client)
        yield bucket
        for key in bucket.listed():
            bucket.remove(key)
        client.remove_bucket(name)


@asynccontextmanager
async def bucket_of(kind: str) -> AsyncGenerator[Bucket]:
    """A bucket in memory or in S3."""
    if kind == "memory":
        yield MemoryBucket(ObjectsInMemory())
        return
    async with s3_bucket() as bucket:
        yield bucket


@dataclass
class Running:
    """The service with its database open; `http` calls its application in the same process."""

    parts: Parts[DraftFiles]
    bucket: Bucket
    app: FastAPI
    http: httpx.AsyncClient

    @property
    def database(self) -> Database:
        return self.parts.database

    async def upload(  # noqa: PLR0913  # what a test may want to differ in
        self,
        content: bytes,
        *,
        draft_id: UUID | None = None,
        component: str = "proof-of-dwelling",
        subject: str = "p-1",
        key: str | None = None,
        body: bytes | None = None,
    ) -> httpx.Response:
        return await self.http.post(
            "/v1/attachments",
            content=body if body is not None else form(draft_id or uuid4(), content, component),
            headers=headers(subject, key),
        )

    async def get(self, path: str, subject: str = "p-1") -> httpx.Response:
        return await self.http.get(path, headers={"authorization": f"Bearer {token(subject)}"})

    async def rows(self) -> dict[UUID, str]:
        """The state of every attachment."""
        async with self.database.connection() as connection:
            return {row["id"]: row["state"] for row in await connection.fetch("SELECT id, state FROM attachments")}

    async def nothing_left(self) -> bool:
        """Neither a row nor an object."""
        return not await self.rows() and not self.bucket.listed()


def headers(subject: str = "p-1", key: str | None = None) -> dict[str, str]:
    """What an upload is sent with."""
    return {
        "authorization": f"Bearer {token(subject)}",
        "content-type": content_type(),
        "idempotency-key": key or uuid4().hex,
    }


def settings_of(database_url: str, folder: Path, **changed: Any) -> StorageSettings:
    """Complete settings; nothing is read from the environment that is given here."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "s3_endpoint": "http://127.0.0.1:1",
        "s3_access_key": "hoso",
        "s3_secret_key": "not-secret",
        "s3_bucket": "attachments",
        "receipt_private_key_file": receipt_key_file(folder),
    }
    return StorageSettings(**{**values, **changed})


def application(parts: Parts[DraftFiles]) -> FastAPI:
    """The application of the api role."""
    return create_app(
        title="Hoso storage",
        version=service.version,
        routers=parts.routers,
        health=Health(),
        verifier=verifier(),
    )


@asynccontextmanager
async def running(database_url: str, folder: Path, bucket: Bucket, **changed: Any) -> AsyncGenerator[Running]:
    """The service on a migrated database; `changed` are settings, or parts that `build` takes."""
    others = {name: changed.pop(name) for name in ("scanner", "clock") if name in changed}
    parts = build(settings_of(database_url, folder, **changed), objects=bucket.objects, **others)
    await parts.database.open()
    try:
        async with parts.database.connection() as connection:
            await migrations.migrate(connection, service.all_migrations)
            await inbox.keep_window(connection, parts.database.clock())
        app = application(parts)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://storage", timeout=30) as client:
            yield Running(parts, bucket, app, client)
    finally:
        await parts.database.close()
