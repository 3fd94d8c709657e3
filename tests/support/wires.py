"""A forwarder between each role of each service and each part that it speaks to; in a thread of its own."""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar

from hoso_stack import stack_env
from hoso_stack.layout import SERVICES
from support.proxy import Proxy

T = TypeVar("T")
_BESIDE: Final = {
    "identity-worker": ["population"],
    "storage-api": ["minio"],
    "storage-worker": ["minio"],
    "notify-worker": ["smtp", "smpp"],
}
_BY_ROLE: Final = {"api": ["postgres", "issuer"], "worker": ["postgres", "kafka"], "relay": ["postgres", "kafka"]}
PAIRS: Final = tuple(
    (who, part)
    for service in SERVICES
    for role, parts in _BY_ROLE.items()
    for who in (f"{service}-{role}",)
    for part in (*parts, *_BESIDE.get(who, ()))
)
_ADDRESSES: Final = {
    "postgres": "POSTGRES_URL", "minio": "S3_ENDPOINT", "issuer": "JWKS_URL", "population": "POPULATION_URL",
    "smtp": "SMTP_PORT", "smpp": "SMPP_PORT",
}  # fmt: skip


@dataclass(eq=False)
class Wire(Proxy):
    """From one role to one part; where the part is, is known when the stack has begun to start."""

    who: str = ""
    part: str = ""
    env_file: Path = Path()

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.who} to {self.part}"

    def target(self) -> int:
        """The part's port; OSError: nothing is there yet."""
        if not self.target_port:
            env = stack_env.read(self.env_file)
            name = _ADDRESSES.get(self.part) or f"KAFKA_FOR_{self.who.upper().replace('-', '_')}"
            self.target_port = int(env[name].rpartition(":")[2].partition("/")[0])
        return self.target_port


@dataclass(slots=True)
class Wires:
    """All of them."""

    env_file: Path
    of: dict[tuple[str, str], Wire] = field(default_factory=dict[tuple[str, str], Wire])
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def told(self) -> Mapping[str, Mapping[str, int]]:
        """What the stack is told: who finds which part at which port."""
        ports: dict[str, dict[str, int]] = {}
        for (who, part), wire in self.of.items():
            ports.setdefault(who, {})[part] = wire.port
        return ports

    def to(self, part: str) -> list[Wire]:
        """All that lead to a part."""
        return [wire for wire in self.of.values() if wire.part == part]

    async def each(self, wires: Iterable[Wire], deed: Callable[[Wire], Coroutine[Any, Any, T]]) -> list[T]:
        """Do something to wires, in their thread."""

        async def all_of_them() -> list[T]:
            return list(await asyncio.gather(*(deed(wire) for wire in wires)))

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(all_of_them(), self._loop))

    def run(self) -> None:
        """Forward until stopped; the thread's own."""
        self._loop.run_forever()
        self._loop.close()

    def do(self, deed: Callable[[Wire], Coroutine[Any, Any, None]]) -> None:
        """Do something to every wire, and wait for it."""
        for wire in self.of.values():
            asyncio.run_coroutine_threadsafe(deed(wire), self._loop).result(10)

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def wires(env_file: Path) -> Generator[Wires]:
    """One between each pair, for the stack whose addresses will be in that file; they have ended after the block."""
    made = Wires(env_file, {(who, part): Wire(0, who=who, part=part, env_file=env_file) for who, part in PAIRS})
    thread = Thread(target=made.run, name="wires", daemon=True)
    thread.start()
    try:
        made.do(Wire.mend)
        yield made
        made.do(Wire.cut)
    finally:
        made.stop()
        thread.join(10)
