"""One suite for every object store: the one in memory keeps the rules of the real one."""

import os
from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from hoso_storage.objects import CHUNK, NeverStored, ObjectGone, Objects, ObjectsUnavailable, S3Objects, drain
from support.storage_service import Bucket, bucket_of, free_port


@pytest.fixture(params=["memory", "s3"])
async def bucket(request: pytest.FixtureRequest) -> AsyncGenerator[Bucket]:
    async with bucket_of(request.param) as bucket:
        yield bucket


@pytest.fixture
def objects(bucket: Bucket) -> Objects:
    return bucket.objects


@pytest.mark.parametrize("size", [1, CHUNK, CHUNK + 1, 5_242_880])
async def test_what_was_put_is_read_whole(objects: Objects, bucket: Bucket, size: int) -> None:
    key, content = uuid4(), os.urandom(size)
    await objects.put(key, content, "application/pdf")
    assert bucket.listed() == {key}
    assert await objects.size(key) == size
    assert await drain(objects.read(key)) == content


async def test_put_again_replaces(objects: Objects) -> None:
    key = uuid4()
    await objects.put(key, b"one", "image/png")
    await objects.put(key, b"other", "image/png")
    assert await drain(objects.read(key)) == b"other"


async def test_what_is_not_there_has_no_size_and_cannot_be_read(objects: Objects) -> None:
    assert await objects.size(uuid4()) is None
    with pytest.raises(ObjectGone):
        await drain(objects.read(uuid4()))


async def test_deleting_twice_is_fine(objects: Objects, bucket: Bucket) -> None:
    key = uuid4()
    await objects.put(key, b"one", "image/png")
    await objects.delete(key)
    await objects.delete(key)
    assert bucket.listed() == set()


async def test_a_reader_may_stop_in_the_middle(objects: Objects) -> None:
    key = uuid4()
    await objects.put(key, b"x" * (3 * CHUNK), "image/png")
    for _ in range(20):  # more often than there are connections
        pieces = objects.read(key)
        assert len(await anext(pieces)) == CHUNK
        await pieces.aclose()
    await objects.ping()


async def test_it_answers_a_ping(objects: Objects) -> None:
    await objects.ping()


async def test_a_failure_is_told_in_the_log_by_its_code_and_without_key_or_secret() -> None:
    key = uuid4()
    async with bucket_of("s3") as bucket:
        real = bucket.objects
        assert isinstance(real, S3Objects)
        async with S3Objects(real.endpoint, real.access_key, "wrong-secret", real.bucket, "us-east-1", 1) as nobody:
            with capture_logs() as said:
                with pytest.raises(NeverStored):
                    await nobody.put(key, b"x", "image/png")
                with pytest.raises(ObjectsUnavailable):
                    await nobody.delete(key)
    assert said == [
        {
            "event": "object-store-failed",
            "log_level": "warning",
            "call": call,
            "error": "SignatureDoesNotMatch",
            "bucket": real.bucket,
        }
        for call in ("put_object", "remove_object")
    ]


async def test_nobody_there_is_told_in_the_log_and_what_is_gone_is_not() -> None:
    async with S3Objects(f"127.0.0.1:{free_port()}", "hoso", "secret", "attachments", "us-east-1", 1) as nobody:
        with capture_logs() as said, pytest.raises(NeverStored):
            await nobody.put(uuid4(), b"x", "image/png")
        assert [(one["call"], one["error"]) for one in said] == [("put_object", "NewConnectionError")]
    async with bucket_of("s3") as bucket:
        with capture_logs() as said:
            assert await bucket.objects.size(uuid4()) is None
        assert said == []


async def test_a_bucket_that_is_not_there_is_unavailable_and_nothing_was_stored() -> None:
    async with bucket_of("s3") as bucket:
        real = bucket.objects
        assert isinstance(real, S3Objects)
        async with S3Objects(real.endpoint, real.access_key, real.secret_key, "no-such-bucket", "us-east-1", 1) as none:
            with pytest.raises(ObjectsUnavailable):
                await none.ping()
            with pytest.raises(NeverStored):
                await none.put(uuid4(), b"x", "image/png")
            with pytest.raises(ObjectsUnavailable):
                await none.size(uuid4())
        async with S3Objects(real.endpoint, "nobody", "wrong-secret", real.bucket, "us-east-1", 1) as nobody:
            with pytest.raises(NeverStored):
                await nobody.put(uuid4(), b"x", "image/png")
            with pytest.raises(ObjectsUnavailable):
                await nobody.ping()
        assert bucket.listed() == set()
