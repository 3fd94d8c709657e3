"""The object store: what storage asks of it (plain S3), the adapter that asks, and one in memory with the same rules.

Content lies under the attachment's id and says nothing else: no name, no metadata of the citizen.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import Final, ParamSpec, Protocol, Self, TypeVar
from uuid import UUID

import structlog
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from urllib3 import BaseHTTPResponse, PoolManager, Retry, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

P = ParamSpec("P")
R = TypeVar("R")

CHUNK: Final = 65_536
_GONE: Final = frozenset({"NoSuchKey", "NoSuchVersion"})
_REFUSED: Final = range(400, 500)

log = structlog.get_logger()


class ObjectsUnavailable(Exception):
    """The object store did not do it and may do it later."""


class NeverStored(ObjectsUnavailable):
    """A `put` that certainly left nothing."""


class PerhapsStored(ObjectsUnavailable):
    """A `put` whose answer was lost: the object may be there, or come to be there after this."""


class ObjectGone(Exception):
    """There is no such object."""


class Objects(Protocol):
    """What storage needs of an object store; a context: open in it, closed after it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *error: object) -> None: ...

    async def put(self, key: UUID, content: bytes, media_type: str) -> None:
        """Write the object, whole or not at all.

        Raises:
            NeverStored, PerhapsStored: it failed; whether something was left is what they differ in.
        """
        ...

    async def delete(self, key: UUID) -> None:
        """Delete the object; one that is not there is fine. Raises ObjectsUnavailable."""
        ...

    async def size(self, key: UUID) -> int | None:
        """Return the object's size in bytes, or None when it is gone. Raises ObjectsUnavailable."""
        ...

    def read(self, key: UUID) -> AsyncGenerator[bytes]:
        """Yield the content piece by piece. Raises ObjectGone, ObjectsUnavailable."""
        ...

    async def ping(self) -> None:
        """Raise ObjectsUnavailable unless the bucket answers."""
        ...


@dataclass(slots=True)
class S3Objects:
    """An S3 bucket. The client library blocks, so each call takes one of `threads` threads.

    Nothing is sent twice: only a connection that could not be made is tried again (twice).
    """

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    bucket: str
    region: str
    threads: int
    connect_seconds: float = 2.0
    answer_seconds: float = 10.0
    _client: Minio = field(init=False, repr=False)
    _pool: ThreadPoolExecutor = field(init=False, repr=False)

    async def __aenter__(self) -> Self:
        """Make client and threads; nothing is connected yet."""
        scheme, _, host = self.endpoint.rstrip("/").rpartition("://")
        http = PoolManager(
            maxsize=self.threads,
            timeout=Timeout(connect=self.connect_seconds, read=self.answer_seconds),
            retries=Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0, backoff_factor=0.1),
        )
        self._client = Minio(
            host,
            access_key=self.access_key,
            secret_key=self.secret_key,
            secure=scheme == "https",
            region=self.region,
            http_client=http,
        )
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="s3")
        return self

    async def __aexit__(self, *error: object) -> None:
        """Let the calls in flight end, each has a time-out."""
        await asyncio.to_thread(self._pool.shutdown)

    async def put(self, key: UUID, content: bytes, media_type: str) -> None:
        """Write the object (see Objects)."""
        call = self._client.put_object
        stream = BytesIO(content)  # shares the bytes, and gives them out whole: no copy
        try:
            await self._call(call, self.bucket, str(key), stream, len(content), media_type)
        except S3Error as error:
            status = error.response.status
            raise (NeverStored if status in _REFUSED else PerhapsStored)(self._told(call, error)) from None
        except MaxRetryError as error:
            never = isinstance(error.reason, (NewConnectionError, ConnectTimeoutError))
            raise (NeverStored if never else PerhapsStored)(self._told(call, error)) from None
        except (HTTPError, InvalidResponseError, ServerError, OSError) as error:
            raise PerhapsStored(self._told(call, error)) from None

    async def delete(self, key: UUID) -> None:
        """Delete the object (see Objects)."""
        await self._asked(self._client.remove_object, self.bucket, str(key))

    async def size(self, key: UUID) -> int | None:
        """Return the size (see Objects); a bucket that is gone is not taken for an object that is gone."""
        try:
            found = await self._asked(self._client.stat_object, self.bucket, str(key))
        except ObjectGone:
            await self.ping()  # the answer to HEAD has no body that could tell the two apart
            return None
        return found.size

    async def read(self, key: UUID) -> AsyncGenerator[bytes]:
        """Yield the content (see Objects); a slow reader keeps a connection, not a thread."""
        response: BaseHTTPResponse = await self._asked(self._client.get_object, self.bucket, str(key))
        try:
            while piece := await self._asked(response.read, CHUNK):
                yield piece
        finally:
            response.close()
            response.release_conn()

    async def ping(self) -> None:
        """Ask whether the bucket is there (see Objects)."""
        if not await self._asked(self._client.bucket_exists, self.bucket):
            raise ObjectsUnavailable("NoSuchBucket")

    async def _asked(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call it and say what a failure means."""
        try:
            return await self._call(function, *args, **kwargs)
        except S3Error as error:
            if error.code in _GONE:
                raise ObjectGone from None
            raise ObjectsUnavailable(self._told(function, error)) from None
        except (HTTPError, InvalidResponseError, ServerError, OSError) as error:
            raise ObjectsUnavailable(self._told(function, error)) from None

    def _told(self, call: Callable[..., object], error: Exception) -> str:
        """Log why a call failed and return it: S3's code or the error's type; its words hold keys and addresses."""
        cause = error.reason if isinstance(error, MaxRetryError) else None
        why = error.code if isinstance(error, S3Error) else type(cause or error).__name__
        log.warning("object-store-failed", call=call.__name__, error=why, bucket=self.bucket)
        return str(why)

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(function, *args, **kwargs))


@dataclass(slots=True)
class ObjectsInMemory:
    """The same rules without a store; `refuse` is what every call raises while it is set."""

    objects: dict[UUID, bytes] = field(default_factory=dict[UUID, bytes])
    refuse: Exception | None = None

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing to close."""

    async def put(self, key: UUID, content: bytes, media_type: str) -> None:  # noqa: ARG002
        """Write the object (see Objects)."""
        self._answer()
        self.objects[key] = content

    async def delete(self, key: UUID) -> None:
        """Delete the object (see Objects)."""
        self._answer()
        self.objects.pop(key, None)

    async def size(self, key: UUID) -> int | None:
        """Return the size (see Objects)."""
        self._answer()
        return len(self.objects[key]) if key in self.objects else None

    async def read(self, key: UUID) -> AsyncGenerator[bytes]:
        """Yield the content (see Objects)."""
        self._answer()
        if key not in self.objects:
            raise ObjectGone
        content = self.objects[key]
        for at in range(0, len(content), CHUNK):
            yield content[at : at + CHUNK]

    async def ping(self) -> None:
        """Answer (see Objects)."""
        self._answer()

    def _answer(self) -> None:
        if self.refuse is not None:
            raise self.refuse


async def drain(pieces: AsyncGenerator[bytes]) -> bytes:
    """Return everything that `pieces` yields, and close it."""
    async with aclosing(pieces):
        return b"".join([piece async for piece in pieces])
