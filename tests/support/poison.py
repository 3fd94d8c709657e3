"""Records that nobody can take in, mixed into the running stream of each topic, one in so many good ones."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

import asyncpg
from uuid_utils.compat import uuid7

from hoso_contracts.envelope import encode
from hoso_contracts.topics import TOPICS
from hoso_population_mock.people import person_at
from support.counting import envelope
from support.raw_records import Raw, Writer, writing
from support.record_consumers import PLACES, Place, Subject
from support.record_log import RecordLog

SHARE: Final = 100  # one in so many
_BETWEEN: Final = 0.2
_LETTERS: Final = "SELECT key FROM dead_letters WHERE topic = $1 AND key = ANY($2)"
_PURGE: Final = "DELETE FROM dead_letters WHERE key = ANY($1)"
_BODIES: Final = (b"{", b"", b"null", b"[]", b'{"dossier_id": 7}', b"\xff\xfe\x00")


@dataclass(slots=True)
class Poison:
    """What was mixed in.

    Attributes:
        written: keys of the poison, by place.
        stream: how many good records each place had meanwhile.
    """

    env: Mapping[str, str]
    log: RecordLog
    chance: random.Random
    written: dict[str, list[bytes]] = field(default_factory=lambda: {place.name: [] for place in PLACES})
    stream: Counter[str] = field(default_factory=Counter[str])
    _writers: dict[str, Writer] = field(default_factory=dict[str, Writer])
    _began: dict[str, int] = field(default_factory=dict[str, int])

    async def keep_mixing(self) -> None:
        """Mix until cancelled."""
        self._began = {place.topic: self._ends(place.topic) for place in PLACES}
        while True:
            for place in PLACES:
                came = self._ends(place.topic) - self._began[place.topic] - len(self.written[place.name])
                self.stream[place.name] = came
                while len(self.written[place.name]) < 1 + came // SHARE:
                    await self._write(place)
            await asyncio.sleep(_BETWEEN)

    def _ends(self, topic: str) -> int:
        return sum(offset + 1 for (name, _), offset in self.log.last.items() if name == topic)

    async def _write(self, place: Place) -> None:
        dossier_id: UUID = uuid7()
        body = _BODIES[len(self.written[place.name]) % len(_BODIES)]
        event = envelope(
            place.good(Subject(person_at(7), dossier_id, verification_id=uuid4())),
            data=body,
            source=f"/hoso/{TOPICS[place.topic].owner}",
        )
        made = Raw.of(encode(event))
        partitions = [partition for topic, partition in self.log.last if topic == place.topic] or [0]
        writer = self._writers[place.topic]
        writer.partition = self.chance.choice(partitions)
        assert made.key is not None
        await writer.write([made])
        self.written[place.name].append(made.key)

    async def in_dead_letters(self) -> dict[str, int]:
        """How many records of each place's poison its reader has put aside, also copies."""
        found: dict[str, int] = {}
        for place in PLACES:
            rows = await self._ask(place, _LETTERS, place.topic, self.written[place.name])
            found[place.name] = len({row["key"] for row in rows})
        return found

    async def all_aside(self) -> bool:
        """Whether all of it is there."""
        return await self.in_dead_letters() == {name: len(keys) for name, keys in self.written.items()}

    async def purge(self) -> None:
        """Delete these dead letters and no others."""
        for place in PLACES:
            await self._ask(place, _PURGE, [key for keys in self.written.values() for key in keys])

    async def _ask(self, place: Place, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.env[f"{place.service.upper()}_DATABASE_URL"])
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()


@asynccontextmanager
async def mixing(env: Mapping[str, str], log: RecordLog, chance: random.Random) -> AsyncGenerator[Poison]:
    """Poison that is mixed in while the block lasts."""
    poison = Poison(env, log, chance)
    async with AsyncExitStack() as opened:
        for topic in {place.topic for place in PLACES}:
            poison._writers[topic] = await opened.enter_async_context(writing(env["KAFKA_BOOTSTRAP_SERVERS"], topic, 0))
        task = asyncio.create_task(poison.keep_mixing())
        try:
            yield poison
            assert not task.done(), f"mixing broke off: {task}"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
