"""Somebody whose data the population register does not know: refused, told so, and nobody learns what differed."""

import json
from typing import Any

import httpx
import pytest

from hoso_stack.story import Story, Tap, until
from support.stories import RunningStack

pytestmark = pytest.mark.stack

NOTHING_SAID = ("full_name", "identity_number", "date_of_birth", "identity", "name")


async def refused(story: Story) -> None:
    async def is_refused() -> bool:
        return await story.status() == 3

    await until(is_refused, "the dossier is refused")


@pytest.mark.parametrize(
    "wrong", [{"full_name": "Trần Thị Không Phải"}, {"date_of_birth": None}], ids=["another-name", "another-birthday"]
)
async def test_an_identity_that_does_not_match_is_refused_and_the_citizen_is_told(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap, wrong: dict[str, Any]
) -> None:
    story = stack.story(client)
    person = await story.person()
    year = person["date_of_birth"][:4]
    other_day = f"{year}-01-02" if person["date_of_birth"] != f"{year}-01-02" else f"{year}-01-03"
    await story.fill_in(**{name: value or other_day for name, value in wrong.items()})
    await story.submit([(await story.upload())["receipt"]])
    await refused(story)

    mails, texts = await story.told(2)
    assert [mail["subject"].partition(": ")[2] for mail in mails] == ["đã được nộp", "không được tiếp nhận"]
    assert "CT06" in mails[-1]["text"]
    assert len(texts) == 2
    await story.heard_all(heard, {"hoso.dossier.refused.v1": 1, "hoso.identity.rejected.v1": 1})
    for _, event in heard.of(story.dossier_id):
        if event.type in ("hoso.dossier.refused.v1", "hoso.identity.rejected.v1"):
            assert not set(json.loads(event.data)) & set(NOTHING_SAID)
            assert "identity" not in str(json.loads(event.data).get("reason"))


async def test_a_refused_dossier_cannot_be_accepted(stack: RunningStack, client: httpx.AsyncClient) -> None:
    story = stack.story(client)
    await story.fill_in(full_name="Lê Văn Người Khác")
    await story.submit([(await story.upload())["receipt"]])
    await refused(story)

    path = f"/v1/dossiers/{story.dossier_id}"
    seen = await story.officer().call("GET", path, 200)
    await story.officer().call("POST", f"{path}/accept", 409, json={}, headers={"If-Match": seen.headers["ETag"]})
    assert await story.status() == 3
