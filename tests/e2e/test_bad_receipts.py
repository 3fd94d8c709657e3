"""Receipts that dossier must refuse: forged, of somebody else, of another draft, of another paper, of long ago."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from hoso_stack.story import Story, a_pdf
from support.refusals import Refusal, Refusing, canary
from support.stories import RunningStack

pytestmark = pytest.mark.stack

DAY = 86_400


@pytest.fixture
def asking(stack: RunningStack) -> Refusing:
    return Refusing(stack)


@pytest.fixture
async def story(stack: RunningStack, client: httpx.AsyncClient) -> Story:
    """A citizen with a draft that has all its answers."""
    story = stack.story(client)
    await story.fill_in()
    return story


async def refuses(
    asking: Refusing, story: Story, receipts: list[str], *errors: tuple[str, str], word: str = ""
) -> None:
    await asking.refuses(
        "dossier", "POST", f"/v1/drafts/{story.dossier_id}/submit", Refusal(422, "receipt-invalid", errors),
        marked=[*receipts, story.answers["permanent_address"], *([word] if word else [])],
        token=story.token, json={"receipts": receipts},
    )  # fmt: skip


def key_of(stack: RunningStack) -> OKPKey:
    return OKPKey.import_key(json.loads((stack.folder / "keys/receipts.private.json").read_text()))


def opened(receipt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A receipt's header and claims."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in receipt.split(".")[:2]
    )
    return header, claims


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def signed(key: OKPKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, algorithms=["Ed25519"])


def with_other_claims(receipt: str, word: str) -> str:
    header, claims = opened(receipt)
    return ".".join((encoded(header), encoded(claims | {"kanari": word}), receipt.split(".")[2]))


def with_another_key(receipt: str, word: str) -> str:
    header, claims = opened(receipt)
    other = OKPKey.generate_key("Ed25519", {"kid": header["kid"]})
    return signed(other, header, claims | {"kanari": word})


def without_signature(receipt: str, word: str) -> str:
    header, claims = opened(receipt)
    return f"{encoded(header | {'alg': 'none'})}.{encoded(claims | {'kanari': word})}."


def nonsense(_receipt: str, word: str) -> str:
    return f"{word}.{word}.{word}"


@pytest.mark.parametrize("forge", [with_other_claims, with_another_key, without_signature, nonsense])
async def test_a_forged_receipt_is_refused(asking: Refusing, story: Story, forge: Callable[[str, str], str]) -> None:
    word = canary()
    forged = forge((await story.upload())["receipt"], word)
    errors = (("/receipts/0", "receipt-forged"), ("/receipts", "component-missing"))
    await refuses(asking, story, [forged], *errors, word=word)


async def test_an_access_token_is_no_receipt(asking: Refusing, story: Story) -> None:
    errors = (("/receipts/0", "receipt-forged"), ("/receipts", "component-missing"))
    await refuses(asking, story, [story.token], *errors)


async def test_a_receipt_of_somebody_else_is_refused(
    asking: Refusing, stack: RunningStack, story: Story, client: httpx.AsyncClient
) -> None:
    stranger = stack.story(client)
    stranger.dossier_id = story.dossier_id
    receipt = (await stranger.upload())["receipt"]
    await refuses(asking, story, [receipt], ("/receipts/0", "receipt-of-other-person"))


async def test_a_receipt_of_another_draft_of_ones_own_is_refused(asking: Refusing, story: Story) -> None:
    receipt = (await story.upload())["receipt"]
    await story.fill_in()
    await refuses(asking, story, [receipt], ("/receipts/0", "receipt-of-other-draft"))


async def test_a_receipt_of_long_ago_is_refused(asking: Refusing, stack: RunningStack, story: Story) -> None:
    header, claims = opened((await story.upload())["receipt"])
    long_ago = claims | {"iat": claims["iat"] - 31 * DAY, "exp": int(time.time()) - 60}
    await refuses(asking, story, [signed(key_of(stack), header, long_ago)], ("/receipts/0", "receipt-expired"))


async def test_a_receipt_is_refused_the_second_time(asking: Refusing, story: Story) -> None:
    receipt = (await story.upload())["receipt"]
    await refuses(asking, story, [receipt, receipt], ("/receipts/1", "receipt-repeated"))


async def test_a_paper_that_the_procedure_does_not_have_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    good = (await story.upload())["receipt"]
    answer = await story.citizen("STORAGE_URL").call(
        "POST",
        "/v1/attachments",
        201,
        files={"draft_id": (None, story.dossier_id), "component": (None, word), "file": ("a.pdf", a_pdf())},
    )
    errors = (("/receipts/1", "receipt-of-other-component"),)
    await refuses(asking, story, [good, answer.json()["receipt"]], *errors, word=word)


async def test_a_draft_without_its_mandatory_paper_is_refused(asking: Refusing, story: Story) -> None:
    await asking.refuses(
        "dossier", "POST", f"/v1/drafts/{story.dossier_id}/submit",
        Refusal(422, "component-missing", (("/receipts", "component-missing"),)),
        marked=[story.answers["permanent_address"], story.token], token=story.token, json={"receipts": []},
    )  # fmt: skip
