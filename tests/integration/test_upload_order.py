"""An upload that is wrong in every way at once is told of one thing after the other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final
from uuid import UUID

import pytest
import pytest_asyncio

from hoso_storage.objects import ObjectsInMemory
from support.dossier_service import empty_database
from support.fuzz_cases import ROUTES, UPLOAD
from support.matrices import Covers
from support.precedence import MEDIA_TYPE, NO_KEY, NO_TOKEN, REUSED, Fault, Sent, refused_in_order, role
from support.storage_samples import form, pdf, png
from support.storage_service import MemoryBucket, Running, headers, running, token

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRAFT: Final = UUID("01a00000-0000-7000-8000-000000000001")
CONTENT: Final = png()
NONSENSE: Final = b"no picture"


def body(what: str, status: int, slug: str, old: bytes, new: bytes) -> Fault:
    """The form has something else in this place."""
    return (what, status, slug, lambda sent: replace(sent, body=sent.body.replace(old, new)))


FAULTS: Final[tuple[Fault, ...]] = (
    NO_TOKEN,
    role({"authorization": f"Bearer {token(role='officer')}"}),
    NO_KEY,
    MEDIA_TYPE,
    ("boundary", 400, "malformed-form", lambda sent: sent.having(content_type="multipart/form-data")),
    body("draft_id", 422, "invalid-request", str(DRAFT).encode(), b"x"),
    body("parts", 400, "wrong-parts", b'name="component"', b'name="paper"'),
    body("component", 422, "invalid-request", b"proof-of-dwelling", b"-"),
    ("end of the form", 400, "malformed-form", lambda sent: replace(sent, body=sent.body[:-12])),
    body("empty", 422, "empty-file", NONSENSE, b""),
    body("kind of file", 415, "media-type-not-allowed", CONTENT, NONSENSE),
    REUSED,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    folder, bucket = tmp_path_factory.mktemp("storage"), MemoryBucket(ObjectsInMemory())
    async with empty_database(postgres) as url, running(url, folder, bucket) as service:
        yield service


async def test_the_first_thing_that_is_wrong_is_told_and_nothing_is_kept(storage: Running, covers: Covers) -> None:
    assert (await storage.upload(pdf(), key="used")).status_code == 201
    before = await storage.rows(), storage.bucket.listed()
    good = Sent("POST", "/v1/attachments", form(DRAFT, CONTENT), headers())
    await refused_in_order(storage.http, covers, UPLOAD, good, FAULTS)
    assert (await storage.rows(), storage.bucket.listed()) == before


async def test_storage_has_no_other_changing_route() -> None:
    assert [route for service, route in ROUTES if service == "storage" and not route.startswith("GET ")] == [UPLOAD]
