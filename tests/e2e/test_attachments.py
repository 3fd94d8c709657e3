"""Papers at the limit of 5 MB: the last byte that is taken goes through the whole story, one more leaves nothing."""

import httpx
import pytest
from minio import Minio

from hoso_stack.story import a_pdf
from support.stories import RunningStack

pytestmark = pytest.mark.stack

LIMIT = 5_242_880


def objects(env: dict[str, str]) -> set[str | None]:
    """The names of all objects in the bucket."""
    endpoint = env["S3_ENDPOINT"].removeprefix("http://")
    client = Minio(endpoint, env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"], secure=False)
    return {one.object_name for one in client.list_objects(env["S3_BUCKET"], recursive=True)}


async def test_a_paper_of_exactly_5_mb_is_carried_through(stack: RunningStack, client: httpx.AsyncClient) -> None:
    story = stack.story(client)
    await story.fill_in()
    uploaded = await story.upload(a_pdf(LIMIT))
    assert uploaded["size"] == LIMIT
    await story.submit([uploaded["receipt"]])
    await story.accept()
    (paper,) = (await story.look()).json()["attachments"]
    assert (paper["size"], paper["sha256"], paper["state"]) == (LIMIT, uploaded["sha256"], "not-scanned")


async def test_a_paper_of_one_byte_more_is_refused_and_nothing_is_kept(
    stack: RunningStack, client: httpx.AsyncClient
) -> None:
    story = stack.story(client)
    await story.fill_in()
    before = objects(stack.env())
    problem = await story.upload(a_pdf(LIMIT + 1), expect=413)
    assert problem["type"] == "/problems/file-too-large"
    assert "5" in problem["title"]
    assert objects(stack.env()) == before
    await story.submit([(await story.upload())["receipt"]])


async def test_the_content_of_a_paper_that_nobody_scanned_stays_unreadable(
    stack: RunningStack, client: httpx.AsyncClient
) -> None:
    story = stack.story(client)
    await story.fill_in()
    uploaded = await story.upload()
    assert uploaded["state"] == "stored"
    storage = story.citizen("STORAGE_URL")
    await storage.call("GET", f"/v1/attachments/{uploaded['id']}/content", 409)
    stranger = stack.story(client).citizen("STORAGE_URL")
    await stranger.call("GET", f"/v1/attachments/{uploaded['id']}", 404)
