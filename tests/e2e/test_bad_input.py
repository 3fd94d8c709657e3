"""What dossier must refuse: with words for the citizen, without a word of what was sent, and leaving nothing behind."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from hoso_stack.story import PROCEDURE, Story
from support.bad_tokens import SLUGS, bad_token
from support.kept import kept_when_still
from support.refusals import Refusal, Refusing, canary
from support.stories import RunningStack

pytestmark = pytest.mark.stack

DRAFTS = "/v1/drafts"
NOT_FOUND = Refusal(404, "not-found")
KEY_MISSING = Refusal(400, "idempotency-key-missing")
KEY_REUSED = Refusal(422, "idempotency-key-reused")
MERGE = {"If-Match": '"1"', "Content-Type": "application/merge-patch+json"}


@pytest.fixture
def asking(stack: RunningStack) -> Refusing:
    return Refusing(stack)


@pytest.fixture
def story(stack: RunningStack, client: httpx.AsyncClient) -> Story:
    return stack.story(client)


def invalid(*errors: tuple[str, str]) -> Refusal:
    return Refusal(422, "answers-invalid", errors)


async def test_an_unknown_procedure_is_refused(asking: Refusing, story: Story) -> None:
    word = canary()
    refusal = Refusal(422, "unknown-procedure", (("/procedure", "unknown-procedure"),))
    body = {"procedure": word}
    await asking.refuses("dossier", "POST", DRAFTS, refusal, marked=[word], token=story.token, json=body)


async def test_a_field_that_nobody_asked_for_is_refused_without_its_name(asking: Refusing, story: Story) -> None:
    word = canary()
    refusal = Refusal(422, "invalid-request", (("", "extra-forbidden"),))
    body = {"procedure": PROCEDURE, word: word}
    await asking.refuses("dossier", "POST", DRAFTS, refusal, marked=[word], token=story.token, json=body)


LEFT_OUT: dict[str, tuple[dict[str, Any], str]] = {
    "name": ({"full_name": None}, "/answers/full_name"),
    "identity-number": ({"identity_number": None}, "/answers/identity_number"),
    "declaration": ({"declaration_accepted": None}, "/answers/declaration_accepted"),
    "where-to-tell": ({"notification": {"channels": ["email"]}}, "/answers/notification/email"),
    "house": (
        {"temporary_address": {"province": "Tỉnh Mẫu", "ward": "Phường Mẫu"}},
        "/answers/temporary_address/address",
    ),
}


@pytest.mark.parametrize(("changed", "pointer"), LEFT_OUT.values(), ids=LEFT_OUT)
async def test_a_missing_answer_is_refused_by_its_name(
    asking: Refusing, story: Story, changed: dict[str, Any], pointer: str
) -> None:
    word = canary()
    await story.fill_in(**{"full_name": f"Nguyễn Thị {word}", "permanent_address": f"Số 1, {word}", **changed})
    receipts = [(await story.upload())["receipt"]]
    await asking.refuses(
        "dossier", "POST", f"{DRAFTS}/{story.dossier_id}/submit", invalid((pointer, "missing")),
        marked=[word, *receipts, story.token], token=story.token, json={"receipts": receipts},
    )  # fmt: skip


IMPOSSIBLE: dict[str, tuple[Callable[[str], str], str]] = {
    "too-short": (lambda number: number[:11], "identity-number-length"),
    "of-letters": (lambda number: number[:6] + "KANARI", "identity-number-length"),
    "of-a-real-province": (lambda number: "001" + number[3:], "identity-number-place"),
    "of-another-year": (
        lambda number: number[:4] + f"{(int(number[4:6]) + 1) % 100:02}" + number[6:],
        "identity-number-birth-year",
    ),
    "of-the-other-gender": (lambda number: number[:3] + str(int(number[3]) ^ 1) + number[4:], "identity-number-gender"),
}


@pytest.mark.parametrize(("bend", "code"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
async def test_an_impossible_identity_number_is_refused(
    asking: Refusing, story: Story, bend: Callable[[str], str], code: str
) -> None:
    number = bend((await story.person())["identity_number"])
    await story.fill_in(identity_number=number)
    receipts = [(await story.upload())["receipt"]]
    await asking.refuses(
        "dossier", "POST", f"{DRAFTS}/{story.dossier_id}/submit", invalid(("/answers/identity_number", code)),
        marked=[number, story.answers["permanent_address"]], token=story.token, json={"receipts": receipts},
    )  # fmt: skip


async def test_everything_wrong_is_told_at_once(asking: Refusing, story: Story) -> None:
    word = canary()
    phone = "0240123456789"
    notification = {"channels": ["email", "sms"], "email": f"{word} at example.com", "phone": phone}
    await story.fill_in(notification=notification, date_of_birth=f"{word}", declaration_accepted=False)
    refusal = invalid(
        ("/answers/date_of_birth", "not-a-date"),
        ("/answers/declaration_accepted", "must-be-accepted"),
        ("/answers/notification/email", "email-invalid"),
        ("/answers/notification/phone", "phone-invalid"),
        ("/receipts", "component-missing"),
    )
    path = f"{DRAFTS}/{story.dossier_id}/submit"
    marked = [word, phone, story.answers["identity_number"]]
    await asking.refuses("dossier", "POST", path, refusal, marked=marked, token=story.token, json={"receipts": []})


async def test_who_has_no_token_is_asked_for_one(asking: Refusing) -> None:
    word = canary()
    refusal = Refusal(401, "token-missing")
    answer = await asking.refuses("dossier", "POST", DRAFTS, refusal, marked=[word], json={"procedure": word})
    assert answer.headers["www-authenticate"] == 'Bearer realm="hoso"'


@pytest.mark.parametrize(("wrong", "slug"), SLUGS.items())
async def test_a_token_that_does_not_hold_is_refused(
    asking: Refusing, stack: RunningStack, wrong: str, slug: str
) -> None:
    word = canary()
    token = bad_token(wrong, stack.folder / "keys", word)
    answer = await asking.refuses(
        "dossier", "POST", DRAFTS, Refusal(401, slug), marked=[word, token], token=token, json={"procedure": PROCEDURE}
    )
    assert answer.headers["www-authenticate"] == 'Bearer realm="hoso", error="invalid_token"'


async def test_an_officer_begins_no_draft(asking: Refusing, stack: RunningStack) -> None:
    token, word = stack.env()["OFFICER_TOKEN"], canary()
    refusal = Refusal(403, "wrong-role")
    body = {"procedure": PROCEDURE}
    await asking.refuses("dossier", "POST", DRAFTS, refusal, marked=[token, word], token=token, key=word, json=body)


@pytest.mark.parametrize("what", ["read", "changed", "submitted"])
async def test_somebody_elses_draft_is_not_there(
    asking: Refusing, stack: RunningStack, story: Story, client: httpx.AsyncClient, what: str
) -> None:
    word = canary()
    await story.fill_in(full_name=f"Nguyễn Thị {word}")
    receipt = (await story.upload())["receipt"]
    path = f"{DRAFTS}/{story.dossier_id}"
    patch = json.dumps({"answers": {"full_name": word}})
    requests: dict[str, tuple[str, str, dict[str, Any]]] = {
        "read": ("GET", path, {}),
        "changed": ("PATCH", path, {"content": patch, "headers": MERGE}),
        "submitted": ("POST", f"{path}/submit", {"json": {"receipts": [receipt]}}),
    }
    method, path, options = requests[what]
    stranger = stack.story(client).token
    await asking.refuses("dossier", method, path, NOT_FOUND, marked=[word, stranger], token=stranger, **options)


async def test_the_same_key_gets_the_same_answer_and_nothing_happens_twice(story: Story) -> None:
    await story.fill_in()
    body = {"receipts": [(await story.upload())["receipt"]]}
    path, headers = f"{DRAFTS}/{story.dossier_id}/submit", {"Idempotency-Key": canary()}
    first = await story.citizen().call("POST", path, 201, json=body, headers=headers)
    before = (await kept_when_still(story.stack)).fingerprint()
    second = await story.citizen().call("POST", path, 201, json=body, headers=headers)
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert (await kept_when_still(story.stack)).fingerprint() == before


async def test_a_second_submission_is_told_the_code_of_the_first(asking: Refusing, story: Story) -> None:
    await story.begin()
    key, refusal = canary(), Refusal(409, "already-submitted", more=(("code", story.code), ("id", story.dossier_id)))
    path = f"{DRAFTS}/{story.dossier_id}/submit"
    await asking.refuses(
        "dossier", "POST", path, refusal, marked=[key], token=story.token, key=key, json={"receipts": []}
    )


async def test_one_key_is_not_taken_for_two_different_requests(asking: Refusing, story: Story) -> None:
    await story.fill_in()
    key, other = canary(), canary()
    headers = {"Idempotency-Key": key}
    path = f"{DRAFTS}/{story.dossier_id}/submit"
    receipts = [(await story.upload())["receipt"]]
    await story.citizen().call("POST", path, 201, json={"receipts": receipts}, headers=headers)
    await asking.refuses(
        "dossier", "POST", path, KEY_REUSED,
        marked=[key, other], token=story.token, key=key, json={"receipts": [*receipts, other]},
    )  # fmt: skip


@pytest.mark.parametrize("submits", [False, True], ids=["draft", "submission"])
async def test_without_an_idempotency_key_nothing_is_begun(asking: Refusing, story: Story, *, submits: bool) -> None:
    word = canary()
    await story.fill_in(full_name=f"Nguyễn Thị {word}")
    path, body = DRAFTS, {"procedure": PROCEDURE}
    if submits:
        path, body = f"{DRAFTS}/{story.dossier_id}/submit", {"receipts": [(await story.upload())["receipt"]]}
    marked = [word, story.token]
    await asking.refuses("dossier", "POST", path, KEY_MISSING, marked=marked, token=story.token, key=None, json=body)


async def test_a_key_that_is_none_is_refused(asking: Refusing, story: Story) -> None:
    word, refusal = canary(), Refusal(400, "idempotency-key-malformed")
    body = {"procedure": PROCEDURE}
    key = f"{word} {word}"
    await asking.refuses("dossier", "POST", DRAFTS, refusal, marked=[word], token=story.token, key=key, json=body)
