"""A second process of a part of the stack, started by hand, that meets the first one when it wakes up."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hits import pid_of
from support.stories import RunningStack
from support.waiting import until_async


@dataclass(frozen=True, slots=True)
class Standby:
    """What it says is in `log`."""

    part: str
    log: Path

    async def said(self, event: str) -> int:
        """How often it has said this by now."""
        return self.log.read_text().count(f'"event":"{event}"')


def environment_of(pid: int | None) -> dict[str, str]:
    """What a running process was told."""
    told = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(one.split("=", 1) for one in told if "=" in one)


@asynccontextmanager
async def standby(stack: RunningStack, part: str) -> AsyncGenerator[Standby]:
    """One that has started, in the surroundings of the one that runs; it has ended after the block."""
    service, _, role = part.partition("-")
    pid = pid_of(stack.env(), part)
    environment = environment_of(pid)
    environment |= {"HEALTH_PORT": "0", "GROUP_INSTANCE_ID": f"{part}-2"}
    environment |= {"SPANS_FILE": str(stack.folder / "spans" / f"{part}-2.jsonl")}
    log = stack.folder / "logs" / f"{part}-2.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"hoso_{service}", "serve", "--role", role, env=environment, stdout=out, stderr=out
        )
    try:
        one = Standby(part, log)
        await until_async(lambda: one.said("started"), within=60)
        yield one
        process.terminate()
        async with asyncio.timeout(40):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
