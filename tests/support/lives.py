"""Stories lived to their end, for a search: what their people told, and all that the stack then keeps and says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaProducer, ConsumerRecord
from uuid_utils.compat import uuid7

from hoso_stack.story import PATIENCE, Story, until
from support.canaries import Search, date_spellings, phone_spellings, spellings
from support.kept import Kept, kept_when_still, read_all
from support.refusals import canary
from support.stories import RunningStack

IDENTITY: Final = frozenset({"name", "identity number", "date of birth"})
CONTACT: Final = frozenset({"e-mail", "phone"})
COMMANDS: Final = {"identity.verification-requests.v1": IDENTITY, "notification.requests.v1": CONTACT}
"""The two channels that may hold personal data, each of its class only."""


@dataclass(frozen=True, slots=True)
class Lived:
    """What there is after the stories.

    Attributes:
        people: a search for each citizen, by how the story ended.
        tokens: a search for their access tokens.
        metrics: of every process, by the name of its address.
        keys: of the records about their dossiers; what else is on the topics, other tests have left.
    """

    people: Mapping[str, Search]
    tokens: Search
    kept: Kept
    metrics: Mapping[str, bytes]
    keys: frozenset[bytes]


async def live(stack: RunningStack) -> Lived:
    """One is accepted, one is refused because the register has another name, and commands about one cannot be read."""
    async with httpx.AsyncClient(timeout=30) as client:
        accepted, refused = await _citizen(stack, client), await _citizen(stack, client)
        await _submit(accepted)
        await accepted.accept()
        await _submit(refused, full_name="Nguyễn Thị Đường Không Phải")
        for story in (accepted, refused):
            await story.told(2)
        await _send_unreadable(stack, accepted)
        kept = await kept_when_still(stack.env())
        keys = frozenset(story.dossier_id.encode() for story in (accepted, refused))
        records = [one for one in kept.records if one.key in keys]
        await until(lambda: _spans_are_written(stack, records), "the spans of everything that happened", PATIENCE)
        health = {name: url for name, url in stack.env().items() if name.startswith("HEALTH_")}
        metrics = {
            name: (await client.get(f"{url}/metrics")).raise_for_status().content for name, url in health.items()
        }
        people = {"accepted": await _search(accepted), "refused": await _search(refused)}
    return Lived(people, Search({"token": {accepted.token, refused.token}}), kept, metrics, keys)


async def _citizen(stack: RunningStack, client: httpx.AsyncClient) -> Story:
    """A citizen who can be told from chance: the name is long enough, and the birthday is no day of a program's."""
    while True:
        story = stack.story(client)
        person = await story.person()
        if len(person["full_name"]) >= 10 and person["date_of_birth"] < "2000":
            return story


async def _submit(story: Story, **changed: Any) -> None:
    where = {"province": "Tỉnh Mẫu", "ward": "Phường Mẫu", "address": f"Số 7, ngõ Đỗ Quyên {canary()}"}
    await story.fill_in(temporary_address=where, **changed)
    await story.submit([(await story.upload())["receipt"]])


async def _search(story: Story) -> Search:
    """A search for everything personal that a story's citizen has told, and for the name that the register has."""
    answers: Mapping[str, Any] = story.answers
    notification, where = answers["notification"], answers["temporary_address"]
    things = {
        "name": spellings(answers["full_name"]),
        "identity number": {answers["identity_number"]},
        "date of birth": date_spellings(answers["date_of_birth"]),
        "e-mail": spellings(notification["email"]),
        "phone": phone_spellings(notification["phone"]),
        "address": spellings(answers["permanent_address"]) | spellings(where["address"]),
    }
    registered = spellings((await story.person())["full_name"])
    return Search(things if registered == things["name"] else things | {"registered name": registered})


async def _send_unreadable(stack: RunningStack, story: Story) -> None:
    """Send what was commanded about somebody once more, spoilt: with data in the place of names, and in wrong types."""
    records = await read_all(stack.env()["KAFKA_BOOTSTRAP_SERVERS"])
    producer = AIOKafkaProducer(bootstrap_servers=stack.env()["KAFKA_BOOTSTRAP_SERVERS"])
    await producer.start()
    try:
        for one in (one for one in records if one.topic in COMMANDS and one.key == story.dossier_id.encode()):
            headers = [(name, value or b"") for name, value in one.headers if name != "ce_id"]
            for value in _spoilt(json.loads(one.value or b"")):
                named = [*headers, ("ce_id", str(uuid7()).encode())]
                await producer.send_and_wait(one.topic, value, key=one.key, headers=named)
    finally:
        await producer.stop()


def _spoilt(data: dict[str, Any]) -> list[bytes]:
    personal = {name: value for name, value in data.items() if name in {"full_name", "identity_number", "recipient"}}
    whole = [{**data, name: [value]} for name, value in personal.items()]
    whole += [{**data, name: {value: value}} for name, value in personal.items()]
    whole += [{name: value for name, value in data.items() if name != "dossier_id"} | {v: v for v in personal.values()}]
    return [*(json.dumps(one, ensure_ascii=False).encode() for one in whole), *(v.encode() for v in personal.values())]


async def _spans_are_written(stack: RunningStack, records: Sequence[ConsumerRecord]) -> bool:
    """Whether the span in which each was announced is in a file, and those in which the last of all were heard."""
    texts = {path.stem: path.read_text() for path in (stack.folder / "spans").iterdir()}
    everywhere = "".join(texts.values())
    headers = [{name: (value or b"").decode() for name, value in one.headers} for one in records]
    last = [
        found["ce_id"] for one, found in zip(records, headers, strict=True) if one.topic == "notification.deliveries.v1"
    ]
    announced = [found["traceparent"].split("-")[2] for found in headers]
    return all(span in everywhere for span in announced) and all(name in texts["dossier-worker"] for name in last)
