"""The demonstration: one dossier from draft to mailbox and telephone on a stack of its own, told as a timeline."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx

from hoso_contracts.envelope import CloudEvent
from hoso_stack import kafka, minio, postgres
from hoso_stack.ports import wished_base
from hoso_stack.stack import Stack, StackFailed, provision
from hoso_stack.story import Step, Story, StoryStuck, Tap, tap

SAYS: Final = {
    "hoso.dossier.submitted.v1": "announces: a dossier was submitted",
    "hoso.identity.verification-requested.v1": "asks: is this the person?",
    "hoso.notification.requested.v1": "asks: tell the citizen",
    "hoso.attachment.stored.v1": "announces: the paper belongs to the dossier",
    "hoso.attachment.scanned.v1": "announces: the paper was looked at (no scanner set up)",
    "hoso.identity.verified.v1": "announces: the register knows this person",
    "hoso.notification.delivered.v1": "announces: handed over",
    "hoso.dossier.accepted.v1": "announces: the dossier was accepted",
}
LOOK: Final = (
    "The stack has ended; its logs are in out/demo/stack/logs, one a part, and what the story waited for is in the log "
    "of the service that should have done it. out/demo/result.json says ok: false."
)
CHANNELS: Final = {"email": " by e-mail", "sms": " by SMS"}
BESIDE: Final = 100  # ports after those of `up`, which may run meanwhile
EXPECTED_MESSAGES: Final = 2  # submitted and accepted, on each channel


def run(folder: Path) -> int:
    """Run it; the result is in `folder`/result.json, and 0 only when the whole story held."""
    stack = Stack(folder / "stack", folder / "stack.env", port_base=wished_base(BESIDE))
    began = time.monotonic()
    seconds: dict[str, float] = {}
    result: dict[str, Any] = {"ok": False}
    (folder / "result.json").unlink(missing_ok=True)
    try:
        stack.progress.say("bringing up Kafka, PostgreSQL, MinIO, a mail server, an SMS centre and four services")
        provision(stack.progress)
        seconds["provision"] = time.monotonic() - began
        seconds["start"] = stack.start()
        result = asyncio.run(tell(stack.env(), seconds))
    except StackFailed as error:
        result["error"] = str(error)
        raise
    except (StoryStuck, httpx.HTTPError) as error:
        result["error"] = str(error) or type(error).__name__
        print(f"\nThe story did not hold: {result['error']}\n{LOOK}", file=sys.stderr)
    finally:
        stack.stop()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    return 0 if result["ok"] else 1


async def tell(env: Mapping[str, str], seconds: dict[str, float]) -> dict[str, Any]:
    """Play the story on a running stack and print it; returns what result.json holds."""
    began = time.monotonic()
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client, tap(env["KAFKA_BOOTSTRAP_SERVERS"]) as reader:
        story = Story(env, client)
        await story.begin()
        await story.accept()
        mails, texts = await story.told(EXPECTED_MESSAGES)
        await story.heard_all(
            reader, dict.fromkeys(SAYS, 1) | {"hoso.notification.delivered.v1": 2 * EXPECTED_MESSAGES}
        )
        status = await story.status()
    seconds["story"] = time.monotonic() - began
    steps = timeline(story, reader, mails, texts)
    print_timeline(story, steps)
    print_message("The last of two e-mails, as the mail server received it", mails[-1])
    print_message("The last of two SMS, as the SMS centre received it", texts[-1])
    print_outlook(seconds)
    return result_of(story, steps, mails, texts, seconds) | {"ok": status == 2}  # noqa: PLR2004 - accepted


def timeline(
    story: Story, reader: Tap, mails: Sequence[Mapping[str, Any]], texts: Sequence[Mapping[str, Any]]
) -> list[Step]:
    """Everything that happened, in the order in which it happened."""
    steps = list(story.steps)
    steps += [step_of(topic, event) for topic, event in reader.of(story.dossier_id)]
    steps += [Step("receives a mail for the citizen", "mail server", _time(mail)) for mail in mails]
    steps += [Step("receives an SMS for the citizen", "SMS centre", _time(text)) for text in texts]
    return sorted(steps, key=lambda step: step.at)


def step_of(topic: str, event: CloudEvent) -> Step:
    """An event as a step."""
    service = event.source.rpartition("/")[2]
    by = CHANNELS.get(json.loads(event.data).get("channel", ""), "")
    return Step(SAYS.get(event.type, "announces") + by, service, event.time, topic, event.type)


def _time(message: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(message["received_at"])


def _since_submit(story: Story, at: datetime) -> int:
    assert story.submitted is not None
    return round((at - story.submitted).total_seconds() * 1000)


def print_timeline(story: Story, steps: Sequence[Step]) -> None:
    """A line a step: when, who, what, and on which topic."""
    print(f"\nDossier {story.code}: temporary residence (procedure 1.004194, “Đăng ký tạm trú”)\n")
    print(f"{'ms since':>8}  {'':<12} {'':<56} {'Kafka topic'}")
    print(f"{'submit':>8}  {'who':<12} {'what':<56} {'(none: HTTP, or a peer)'}")
    print("─" * 116)
    for step in steps:
        print(f"{_since_submit(story, step.at):>+8}  {step.service:<12} {step.name:<56} {step.topic or ''}".rstrip())


def print_message(title: str, message: Mapping[str, Any]) -> None:
    """A message as its receiver sees it."""
    print(f"\n{title}\n{'─' * len(title)}")
    for name in ("from", "to", "subject", "parts", "encoding"):
        if name in message:
            print(f"{name}: {message[name]}")
    print("\n" + "\n".join(f"  {line}" for line in str(message["text"]).strip().splitlines()))


def print_outlook(seconds: Mapping[str, float]) -> None:
    """How long it took, and what to do next."""
    print(
        f"\nThe story took {seconds['story']:.1f} s, starting {seconds['start']:.1f} s,"
        f" fetching and building {seconds['provision']:.1f} s.\n"
        "\nWhere to look next\n──────────────────\n"
        "  out/demo/result.json        this story as data\n"
        "  out/demo/stack/logs/        what each service and server said\n"
        "  out/demo/stack/spans/       its traces, one file a process\n"
        "  README.md                   “Follow one dossier”: the files it went through, in order\n"
        "  make up                     the same stack, kept running; addresses and tokens in out/stack.env\n"
    )


def result_of(
    story: Story,
    steps: Sequence[Step],
    mails: Sequence[Mapping[str, Any]],
    texts: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The story as data."""
    return {
        "ok": False,
        "dossier_id": story.dossier_id,
        "dossier_code": story.code,
        "steps": [
            {
                "name": step.name,
                "service": step.service,
                "topic": step.topic,
                "event_type": step.event_type,
                "at_ms": _since_submit(story, step.at),
            }
            for step in steps
        ],
        "email": {name: mails[-1][name] for name in ("to", "subject")},
        "sms": {name: texts[-1][name] for name in ("to", "parts", "encoding")},
        "parts": {
            "kafka": kafka.version(),
            "postgresql": postgres.version(),
            "minio": minio.version(),
            "smtp": f"aiosmtpd {version('aiosmtpd')}",
            "smpp": f"smpp34 {version('smpp34')}",
        },
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
    }
