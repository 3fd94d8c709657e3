"""The main story: a citizen registers a temporary residence, an officer accepts, the citizen is told."""

import json
import unicodedata

import httpx
import pytest

from hoso_stack.story import Tap, until
from support.stories import ACCEPTED, RunningStack

pytestmark = pytest.mark.stack


async def test_a_dossier_goes_from_draft_to_mailbox_and_telephone(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap
) -> None:
    story = stack.story(client)
    await story.begin()
    await story.accept()
    mails, texts = await story.told(2)
    await story.heard_all(heard, ACCEPTED)

    assert await story.status() == 2
    events = [event for _, event in heard.of(story.dossier_id)]
    assert {event.type: sum(other.type == event.type for other in events) for event in events} == ACCEPTED
    assert [mail["subject"] for mail in mails] == [
        f"Hồ sơ {story.code}: đã được nộp",
        f"Hồ sơ {story.code}: đã được tiếp nhận",
    ]
    assert len({mail["message_id"] for mail in mails}) == 2
    assert all(unicodedata.is_normalized("NFC", mail["text"]) for mail in mails)
    assert [(text["parts"], text["encoding"]) for text in texts] == [(1, "gsm-7"), (1, "gsm-7")]
    person = await story.person()
    assert {mail["to"] for mail in mails} == {person["email"]}
    assert {text["to"] for text in texts} == {"84" + person["phone"].removeprefix("0")}


async def test_everything_belongs_to_the_submission_and_the_public_stream_is_numbered(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap
) -> None:
    story = stack.story(client)
    await story.begin()
    await story.accept()
    await story.heard_all(heard, ACCEPTED)

    events = heard.of(story.dossier_id)
    (submitted,) = [event for _, event in events if event.type == "hoso.dossier.submitted.v1"]
    assert {event.correlationid for _, event in events} == {submitted.id}
    numbered = [(event.type, event.sequence) for topic, event in events if topic == "dossier.lifecycle.v1"]
    assert numbered == [("hoso.dossier.submitted.v1", 1), ("hoso.dossier.accepted.v1", 2)]
    segments = [json.loads(event.data).get("segments") for _, event in events if event.type.endswith(".delivered.v1")]
    assert sorted(str(one) for one in segments) == ["1", "1", "None", "None"]


async def test_one_trace_leads_from_the_submission_to_the_mail_and_the_sms(
    stack: RunningStack, client: httpx.AsyncClient, heard: Tap
) -> None:
    story = stack.story(client)
    await story.begin()
    await story.told(1)
    await story.heard_all(heard, {"hoso.identity.verified.v1": 1, "hoso.notification.delivered.v1": 2})
    (submitted,) = [event for _, event in heard.of(story.dossier_id) if event.type == "hoso.dossier.submitted.v1"]
    assert submitted.traceparent is not None
    trace = submitted.traceparent.split("-")[1]

    async def spans() -> set[str] | None:
        written = {
            path.stem
            for path in (stack.folder / "spans").glob("*.jsonl")
            if any(trace in line for line in path.read_text().splitlines())
        }
        wanted = {"dossier-api", "identity-worker", "storage-worker", "notify-worker", "dossier-worker"}
        return written if wanted <= written else None

    assert await until(spans, "spans of the trace in every process it went through")


async def test_the_citizen_reads_the_timeline_and_finds_the_dossier_by_its_code(
    stack: RunningStack, client: httpx.AsyncClient
) -> None:
    story = stack.story(client)
    await story.begin()
    await story.accept()
    await story.told(2)

    found = await story.citizen().call("GET", f"/v1/dossiers?code={story.code}", 200)
    assert found.json()["id"] == story.dossier_id
    path = f"/v1/dossiers/{story.dossier_id}/timeline"
    told = (await story.citizen().call("GET", path, 200)).text
    assert "Hồ sơ đã được tiếp nhận" in told
    stranger = stack.story(client)
    await stranger.citizen().call("GET", path, 404)
    await stranger.citizen().call("GET", f"/v1/dossiers?code={story.code}", 404)
