"""Citizens on the whole stack: each story has a person of its own, so that tests never meet."""

import os
import signal
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import httpx

from hoso_population_mock.people import subject_of
from hoso_stack import stack_env, tokens
from hoso_stack.stack import running
from hoso_stack.story import Story
from support.parts import OUT
from support.waiting import until_async

# The events of one dossier that is accepted, and how often each happens.
ACCEPTED: Final = {
    "hoso.dossier.submitted.v1": 1,
    "hoso.identity.verification-requested.v1": 1,
    "hoso.identity.verified.v1": 1,
    "hoso.attachment.stored.v1": 1,
    "hoso.attachment.scanned.v1": 1,
    "hoso.dossier.accepted.v1": 1,
    "hoso.notification.requested.v1": 4,
    "hoso.notification.delivered.v1": 4,
}
_people: Final = count(1000)


@dataclass(frozen=True, slots=True)
class RunningStack:
    """The whole stack, which somebody else keeps running."""

    folder: Path
    env_file: Path

    def env(self) -> dict[str, str]:
        return stack_env.read(self.env_file)

    def token(self) -> str:
        """A token of a citizen who has no other."""
        return tokens.mint(self.folder / "keys", subject_of(next(_people)), "citizen")

    def story(self, client: httpx.AsyncClient, patience: float = 30.0) -> Story:
        """A new citizen with a story to live."""
        return Story(self.env(), client, self.token(), patience)

    def kill(self, part: str) -> int:
        """Kill a part with -9; returns the pid that was killed."""
        pid = int(self.env()[f"PID_{part.upper().replace('-', '_')}"])
        os.kill(pid, signal.SIGKILL)
        return pid

    async def back(self, client: httpx.AsyncClient, part: str, killed: int) -> None:
        """Wait until the supervisor has brought a killed part back and it is ready."""
        name = part.upper().replace("-", "_")

        async def ready() -> bool:
            env = self.env()
            if env.get(f"PID_{name}") in (None, str(killed)):
                return False
            try:
                return (await client.get(f"{env[f'HEALTH_{name}']}/readyz")).is_success
            except httpx.TransportError:
                return False

        await until_async(ready, within=60)


@contextmanager
def whole_stack(brokers: int = 1) -> Generator[RunningStack]:
    """The whole stack for as long as the block lasts; HOSO_TEST_STACK names the folder of one that runs already.

    With three brokers: HOSO_TEST_CLUSTER.
    """
    if given := os.environ.get("HOSO_TEST_STACK" if brokers == 1 else "HOSO_TEST_CLUSTER"):
        yield RunningStack(Path(given), Path(f"{given}.env"))
        return
    OUT.mkdir(parents=True, exist_ok=True)
    with running(Path(tempfile.mkdtemp(dir=OUT, prefix="stack-")), brokers=brokers) as stack:
        yield RunningStack(stack.folder, stack.env_file)


def told_about(env: Mapping[str, str], code: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The mails and SMSs about a dossier that the peers have now."""
    with httpx.Client() as client:
        inboxes = [client.get(env[name]).raise_for_status().json() for name in ("MAIL_INBOX_URL", "SMS_INBOX_URL")]
    mails, texts = ([message for message in inbox if code in message["text"]] for inbox in inboxes)
    return mails, texts
