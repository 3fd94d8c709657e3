"""Says what a frozen process of the stack was in the middle of, from outside: databases, sockets, log, requests."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from hoso_contracts.topics import TOPICS
from hoso_stack.layout import ROLES, SERVICES
from support.patient import Patient
from support.record_log import Place, RecordLog

QUIET: Final = frozenset({"identity-api", "notify-api", "issuer"})  # nobody asks them anything in these stories
_PEERS: Final = {"mail": ("notify", "send-email"), "sms": ("notify", "send-sms"), "population": ("identity", "verify")}
_RUNNING: Final = "SELECT kind, id, attempts FROM work WHERE state = 'running'"
# $2: leave out what only reads, where people look far more often than they write.
_OPEN: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE client_port = ANY($1::int[]) AND (state LIKE 'idle in transaction%' OR (state = 'active' AND NOT $2))
"""
_WAITING: Final = "SELECT count(*) FROM outbox WHERE created_at <= $1"


@dataclass(slots=True)
class Hands:
    """Looks at what parts have in hand; empty words mean nothing.

    Work that an earlier kill left claimed is not in the hands of who runs now, so it is remembered and left out.
    """

    env: Mapping[str, str]
    clients: Patient
    log: RecordLog
    _kept: dict[str, asyncpg.Connection] = field(default_factory=dict[str, asyncpg.Connection])
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _left: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])

    async def look(self, part: str, pid: int) -> str:
        """In words: what the frozen process `pid` of a part was in the middle of."""
        frozen, read = datetime.now(UTC), dict(self.log.last)  # what comes while we look is not in its hands
        service, _, role = part.partition("-")
        if part in QUIET:
            return "nothing: nobody asks it anything in these stories"
        if part == "postgres":
            return _of(self._asked("DOSSIER_URL") + self._asked("STORAGE_URL"), "requests under way at its services")
        if part == "minio":
            return _of(self._asked("STORAGE_URL"), "uploads under way")
        if service == "kafka":  # with three, any of them
            waiting = [await self._ask(one, _WAITING, frozen) for one in SERVICES]
            return _of(sum(rows[0][0] for rows in waiting), "rows on their way to it")
        if part in _PEERS:
            name, kind = _PEERS[part]
            return _of(len(await self._claimed(name, {kind})), "calls to it under way")
        assert service in SERVICES
        assert role in ROLES
        words = [
            _of((await self._ask("postgres", _OPEN, ports_of(pid), part == "dossier-api"))[0][0], "transactions open")
        ]
        if part == "storage-api":
            words.append(_of(self._asked(f"{service.upper()}_URL"), "requests under way"))
        elif role == "relay":
            words.append(_of((await self._ask(service, _WAITING, frozen))[0][0], "outbox rows to send"))
        elif role == "worker":
            words += [_of(len(await self._claimed(service)), "calls under way")]
            words += [_of(await self._unread(service, read), "partitions with records unread")]
        return "; ".join(filter(None, words))

    async def leave(self, service: str) -> None:
        """Remember what a killed worker leaves claimed."""
        self._left |= {(service, row["id"], row["attempts"]) for row in await self._ask(service, _RUNNING)}

    async def _claimed(self, service: str, kinds: set[str] | None = None) -> list[Any]:
        rows = await self._ask(service, _RUNNING)
        return [
            row
            for row in rows
            if (service, row["id"], row["attempts"]) not in self._left and (kinds is None or row["kind"] in kinds)
        ]

    async def _unread(self, service: str, read: Mapping[Place, int]) -> int:
        rows = await self._ask(service, "SELECT topic, partition, next_offset FROM positions")
        stands = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return sum(
            stands.get(place, 0) <= offset for place, offset in read.items() if service in TOPICS[place[0]].consumers
        )

    def _asked(self, url: str) -> int:
        return self.clients.under_way[urlsplit(self.env[url]).port or 80]

    async def _ask(self, service: str, query: str, *arguments: object) -> list[Any]:
        """Ask a database; "postgres": the server, as its superuser."""
        name = "POSTGRES_URL" if service == "postgres" else f"{service.upper()}_DATABASE_URL"
        async with self._asking:
            kept = self._kept.get(name)
            if kept is None or kept.is_closed():
                kept = self._kept[name] = await asyncpg.connect(self.env[name], timeout=10)
            return await kept.fetch(query, *arguments, timeout=10)

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._kept.values():
            connection.terminate()


def ports_of(pid: int) -> list[int]:
    """The local ports of a process' TCP connections."""
    mine: set[str] = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.fullmatch(r"socket:\[(\d+)]", str(entry.readlink()))
        except OSError:
            continue
        mine |= {found[1]} if found else set()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in mine]


def _of(count: int, what: str) -> str:
    return f"{count} {what}" if count else ""
