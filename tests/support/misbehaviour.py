"""How outside systems misbehave: away, asleep, slow, throttling, answering wrongly; each until told to be well."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

import httpx

from support.hits import kill, pid_of, send
from support.outside_stack import OutsideStack
from support.wires import Wire

Misbehaviour = Callable[[OutsideStack], AbstractAsyncContextManager[None]]

_PARTS: Final = {"smtp": "mail", "smpp": "sms"}  # the part that serves what a wire leads to
_INBOXES: Final = {"smtp": "MAIL_INBOX_URL", "smpp": "SMS_INBOX_URL"}
_MANY: Final = 10_000  # answers: more than there are questions while it lasts
_NO_HTTP: Final = b"\x00\x01 this is no protocol at all \xff\xfe\r\n" * 8
_BROKEN: Final = b"<html>Bad gateway</html>"
_S3_ERROR: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BROKEN), _BROKEN)
)


@asynccontextmanager
async def away(stack: OutsideStack, system: str) -> AsyncGenerator[None]:
    """Killed, and nobody listens in its place."""
    wires = stack.wires.to(system)
    pid = pid_of(stack.env(), _PARTS.get(system, system))
    await stack.wires.each(wires, Wire.cut)
    if system in {"minio", "population"} and pid is not None:  # the others would forget what is counted
        kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        await stack.wires.each(wires, Wire.mend)


@asynccontextmanager
async def asleep(stack: OutsideStack, system: str) -> AsyncGenerator[None]:
    """Stopped, as long as it lasts."""
    pid = pid_of(stack.env(), _PARTS.get(system, system))
    assert pid is not None
    send(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pid, signal.SIGCONT)
    os.kill(pid, 0)  # it is the one that was stopped


@asynccontextmanager
async def switched(stack: OutsideStack, **switches: object) -> AsyncGenerator[None]:
    """The register, with its switches so."""
    async with httpx.AsyncClient(base_url=stack.env()["POPULATION_URL"]) as client:
        (await client.put("/switches", json=switches)).raise_for_status()
        try:
            yield
        finally:
            (await client.delete("/switches")).raise_for_status()


@asynccontextmanager
async def answering(stack: OutsideStack, system: str, answers: Sequence[str]) -> AsyncGenerator[None]:
    """A peer that gives these answers over and over instead of taking anything."""
    async with httpx.AsyncClient() as client:
        url, many = stack.env()[_INBOXES[system]], [*answers] * (_MANY // len(answers))
        (await client.put(url, json=many)).raise_for_status()
        try:
            yield
        finally:
            (await client.put(url, json=[])).raise_for_status()


@asynccontextmanager
async def talking_nonsense(stack: OutsideStack, system: str, words: bytes) -> AsyncGenerator[None]:
    """Whoever connects hears these words and nothing else."""
    wires = stack.wires.to(system)

    async def spoil(wire: Wire) -> None:
        wire.spoilt = words
        await wire.reset()

    async def mend(wire: Wire) -> None:
        wire.spoilt = None
        await asyncio.sleep(0)

    await stack.wires.each(wires, spoil)
    try:
        yield
    finally:
        await stack.wires.each(wires, mend)


# SMPP 3.4, 5.1.3: 0x58 throttled, 0x14 queue full, 0x08 system error; 0x4FF is reserved for vendors and unknown here.
MISBEHAVIOURS: Final[dict[tuple[str, str], Misbehaviour]] = {
    ("minio", "away"): partial(away, system="minio"),
    ("smtp", "away"): partial(away, system="smtp"),
    ("smpp", "away"): partial(away, system="smpp"),
    ("population", "away"): partial(away, system="population"),
    ("minio", "asleep"): partial(asleep, system="minio"),
    ("smtp", "asleep"): partial(asleep, system="smtp"),
    ("smpp", "asleep"): partial(asleep, system="smpp"),
    ("population", "asleep"): partial(asleep, system="population"),
    ("population", "slow"): partial(switched, latency_ms=1500, latency_jitter_ms=3000),
    ("population", "throttling"): partial(switched, throttle_per_second=1.0),
    ("smtp", "throttling"): partial(
        answering, system="smtp", answers=["421 4.7.0 too many", "451 4.7.1 come again later"]
    ),
    ("smpp", "throttling"): partial(answering, system="smpp", answers=[str(0x58), str(0x14)]),
    ("population", "failing"): partial(switched, error_rate=0.9),
    ("smpp", "failing"): partial(answering, system="smpp", answers=[str(0x08)]),
    ("minio", "failing"): partial(talking_nonsense, system="minio", words=_S3_ERROR),
    ("population", "answering wrongly"): partial(switched, wrong_answer_rate=0.9),
    ("smtp", "answering wrongly"): partial(talking_nonsense, system="smtp", words=_NO_HTTP),
    ("smpp", "answering wrongly"): partial(talking_nonsense, system="smpp", words=_NO_HTTP),
    ("smpp", "unknown status"): partial(answering, system="smpp", answers=[str(0x4FF)]),
    ("minio", "answering wrongly"): partial(talking_nonsense, system="minio", words=_NO_HTTP),
}
