"""One dossier's story as its people live it: at the HTTP APIs, and as Kafka and the peers show it."""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from hoso_contracts.envelope import CloudEvent, decode
from hoso_contracts.topics import TOPICS

PROCEDURE: Final = "1.004194"
COMPONENT: Final = "proof-of-dwelling"
PATIENCE: Final = 30.0  # seconds that any one thing of a story may take


class StoryStuck(Exception):
    """Something of the story did not happen in time, or an answer was not the expected one; says which."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    Attributes:
        name: what happened, in a few words.
        service: where.
        topic: the Kafka topic that carried it; None for HTTP and for what a peer received.
        event_type: CloudEvents type; None where there is no event.
        at: when, UTC.
    """

    name: str
    service: str
    at: datetime
    topic: str | None = None
    event_type: str | None = None


def a_pdf(size: int = 200_000) -> bytes:
    """A file that is a PDF by its content, of exactly `size` octets."""
    head, tail = (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%",
        b"\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n",
    )
    return head + b"x" * (size - len(head) - len(tail)) + tail


def subject_of(token: str) -> str:
    """The `sub` of an access token, read without verifying: the story plays its holder."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]


async def until(question: Callable[[], Awaitable[Any]], what: str, within: float = PATIENCE) -> Any:
    """Ask until the answer is true and return it; raise StoryStuck when the time is over."""
    deadline = time.monotonic() + within
    while True:
        answer = await question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise StoryStuck(f"waited {within:.0f} s for: {what}")
        await asyncio.sleep(0.02)  # between two looks at a condition


@dataclass(slots=True)
class Actor:
    """Somebody with a token at one service's API."""

    client: httpx.AsyncClient
    base: str
    token: str

    async def call(self, method: str, path: str, expect: int, **options: Any) -> httpx.Response:
        """Call and demand a status; POSTs get an Idempotency-Key unless one is given."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", uuid4().hex)
        answer = await self.client.request(method, self.base + path, headers=headers, **options)
        if answer.status_code != expect:
            kind = answer.json().get("type") if "json" in answer.headers.get("content-type", "") else ""
            raise StoryStuck(f"{method} {path}: {answer.status_code} {kind}, expected {expect}")
        return answer


@dataclass(slots=True)
class Story:
    """Plays one dossier on a running stack and remembers what happened when."""

    stack: Mapping[str, str]
    client: httpx.AsyncClient
    token: str = ""
    patience: float = PATIENCE
    steps: list[Step] = field(default_factory=list[Step])
    dossier_id: str = ""
    code: str = ""
    submitted: datetime | None = None
    answers: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self.token = self.token or self.stack["CITIZEN_TOKEN"]

    def citizen(self, service: str = "DOSSIER_URL") -> Actor:
        """The citizen at one of the services."""
        return Actor(self.client, self.stack[service], self.token)

    def officer(self) -> Actor:
        """The officer of the unit that handles the dossier."""
        return Actor(self.client, self.stack["DOSSIER_URL"], self.stack["OFFICER_TOKEN"])

    def note(self, name: str, service: str) -> None:
        """Remember an HTTP step that has just been answered."""
        self.steps.append(Step(name, service, datetime.now(UTC)))

    async def person(self) -> dict[str, Any]:
        """The data that the holder of the token would type."""
        answer = await self.client.get(f"{self.stack['POPULATION_URL']}/people/by-subject/{subject_of(self.token)}")
        return answer.raise_for_status().json()

    async def fill_in(self, **changed: Any) -> None:
        """Open a draft and type the answers; `changed` replaces some of them."""
        person = await self.person()
        self.answers = {**answers_of(person), **changed}
        opened = await self.citizen().call("POST", "/v1/drafts", 201, json={"procedure": PROCEDURE})
        self.dossier_id = opened.json()["id"]
        self.note("opens a draft for the citizen", "dossier")
        await self.type_answers(opened.headers["ETag"])
        self.note("saves the answers the citizen typed", "dossier")

    async def type_answers(self, etag: str) -> None:
        """Save the answers in the draft as it was seen."""
        await self.citizen().call(
            "PATCH",
            f"/v1/drafts/{self.dossier_id}",
            200,
            content=json.dumps({"answers": self.answers}),
            headers={"If-Match": etag, "Content-Type": "application/merge-patch+json"},
        )

    async def upload(self, content: bytes | None = None, expect: int = 201) -> dict[str, Any]:
        """Upload one file for the draft; returns the answer with the signed receipt."""
        answer = await self.citizen("STORAGE_URL").call(
            "POST",
            "/v1/attachments",
            expect,
            files={
                "draft_id": (None, self.dossier_id),
                "component": (None, COMPONENT),
                "file": ("hop-dong-thue-nha.pdf", content if content is not None else a_pdf(), "application/pdf"),
            },
        )
        self.note("takes a paper and signs a receipt for it", "storage")
        return answer.json()

    async def submit(self, receipts: list[str]) -> None:
        """Submit the draft: having the code is success."""
        self.submitted = datetime.now(UTC)
        answer = await self.citizen().call(
            "POST", f"/v1/drafts/{self.dossier_id}/submit", 201, json={"receipts": receipts}
        )
        self.code = answer.json()["code"]
        self.note("takes the submission; the citizen has the code", "dossier")

    async def begin(self) -> None:
        """Draft, paper and submit."""
        await self.fill_in()
        uploaded = await self.upload()
        await self.submit([uploaded["receipt"]])

    async def status(self) -> int:
        """The dossier's status, as the citizen reads it."""
        return (await self.look()).json()["status"]

    async def look(self) -> httpx.Response:
        """The dossier as the citizen reads it."""
        return await self.citizen().call("GET", f"/v1/dossiers/{self.dossier_id}", 200)

    async def accept(self) -> None:
        """The officer accepts as soon as identity and papers are known."""
        path = f"/v1/dossiers/{self.dossier_id}"

        async def ready() -> httpx.Response | None:
            seen = await self.officer().call("GET", path, 200)
            return seen if seen.json()["ready_to_accept"] else None

        seen = await until(ready, "identity confirmed and papers checked", self.patience)
        self.note("shows the officer: identity and papers are in order", "dossier")
        await self.officer().call("POST", f"{path}/accept", 200, json={}, headers={"If-Match": seen.headers["ETag"]})
        self.note("takes the officer's acceptance", "dossier")

    async def messages(self, inbox: str) -> list[dict[str, Any]]:
        """What a peer has received about this dossier; told by the code in the text, never by an address."""
        answer = await self.client.get(self.stack[inbox])
        return [message for message in answer.raise_for_status().json() if self.code in message["text"]]

    async def told(self, count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Wait until so many mails and SMSs about this dossier were received."""

        async def received() -> Any:
            mails, texts = await self.messages("MAIL_INBOX_URL"), await self.messages("SMS_INBOX_URL")
            return (mails, texts) if len(mails) >= count and len(texts) >= count else None

        return await until(received, f"{count} mails and {count} SMSs about the dossier", self.patience)

    async def heard_all(self, reader: "Tap", counts: Mapping[str, int]) -> None:
        """Wait until each of these event types was heard about this dossier so many times."""

        async def heard() -> bool:
            seen = Counter(event.type for _, event in reader.of(self.dossier_id))
            return all(seen[kind] >= count for kind, count in counts.items())

        await until(heard, "every event of the story on its topic", self.patience)


def answers_of(person: Mapping[str, Any]) -> dict[str, Any]:
    """The form of procedure 1.004194 as this person would fill it in."""
    start = datetime.now(UTC).date() + timedelta(days=7)
    return {
        "declarant": "self",
        "full_name": person["full_name"],
        "date_of_birth": person["date_of_birth"],
        "gender": person["gender"],
        "identity_number": person["identity_number"],
        "permanent_address": person["permanent_address"],
        "temporary_address": {"province": "Tỉnh Mẫu", "ward": "Phường Thử Nghiệm", "address": "Số 12, đường Hoa Sữa"},
        "from_date": start.isoformat(),
        "to_date": date(start.year + 1, start.month, min(start.day, 28)).isoformat(),
        "case": "individual",
        "agency": "G01.999.901",
        "declaration_accepted": True,
        "notification": {"channels": ["email", "sms"], "email": person["email"], "phone": person["phone"]},
    }


@dataclass(slots=True)
class Tap:
    """A reader beside the services that sees every event of the topics, without a group and without a trace."""

    consumer: AIOKafkaConsumer
    events: list[tuple[str, CloudEvent]] = field(default_factory=list[tuple[str, CloudEvent]])

    async def read(self) -> None:
        """Read until cancelled."""
        while True:
            for records in (await self.consumer.getmany(timeout_ms=100)).values():
                self.events.extend((record.topic, _event(record)) for record in records)

    def of(self, dossier_id: str) -> list[tuple[str, CloudEvent]]:
        """The events about one dossier, in the order of their times."""
        return sorted(
            (one for one in self.events if one[1].partitionkey == dossier_id), key=lambda one: (one[1].time, one[1].id)
        )


def _event(record: ConsumerRecord) -> CloudEvent:
    return decode(record.key, record.value, record.headers)


@asynccontextmanager
async def at_the_ends(bootstrap_servers: str) -> AsyncGenerator[AIOKafkaConsumer]:
    """A consumer that stands at the end of every topic: it reads what is written from now on."""
    consumer = AIOKafkaConsumer(
        *TOPICS, bootstrap_servers=bootstrap_servers, isolation_level="read_committed", fetch_max_wait_ms=50
    )
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()


@asynccontextmanager
async def tap(bootstrap_servers: str) -> AsyncGenerator[Tap]:
    """Listen to all topics from now on."""
    async with at_the_ends(bootstrap_servers) as consumer:
        reader = Tap(consumer)
        task = asyncio.create_task(reader.read())
        try:
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
