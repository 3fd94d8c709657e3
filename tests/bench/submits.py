"""Drafts that lack nothing, with tokens and receipts, and sixteen clients that submit them; it measures nothing."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps, loads
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from joserfc.jwk import OKPKey
from uuid_utils.compat import uuid7

from bench.places import Place
from hoso_stack import tokens
from support.dossier_samples import answers, receipt

CLIENTS: Final = 16
_ADD: Final = """
INSERT INTO drafts (id, owner, procedure, procedure_version, answers, version, created_at, expires_at)
SELECT id, owner, '1.004194', 1, $3::text::json, 2, now(), now() + interval '30 days'
FROM unnest($1::uuid[], $2::text[]) AS r (id, owner)
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """A draft that lacks nothing, and the whole request that submits it."""

    draft_id: UUID
    owner: str
    request: bytes


async def fill(servers: Place, count: int) -> list[Filled]:
    """So many drafts, each of a citizen with a token and a receipt of its own."""
    keys = servers.folder / "keys"
    signing = OKPKey.import_key(loads((keys / "receipts.private.json").read_text()))
    host = urlsplit(servers.env["DOSSIER_URL"]).netloc
    made: list[Filled] = []
    for _ in range(count):
        draft_id, owner = uuid7(), f"bench-{uuid4()}"
        body = dumps({"receipts": [receipt(draft_id, key=signing, sub=owner)]}).encode()
        head = (
            f"POST /v1/drafts/{draft_id}/submit HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {tokens.mint(keys, owner, 'citizen')}\r\nidempotency-key: {uuid4()}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        made.append(Filled(draft_id, owner, head.encode() + body))
    connection = await asyncpg.connect(servers.env["DOSSIER_DATABASE_URL"])
    today = datetime.now(UTC).date()
    given = answers(from_date=today.isoformat(), to_date=today.replace(year=today.year + 1).isoformat())
    await connection.execute(_ADD, [one.draft_id for one in made], [one.owner for one in made], dumps(given))
    await connection.close()
    return made


async def submit_all(servers: Place, drafts: Sequence[Filled]) -> list[float]:
    """Submit them over kept connections; the seconds each took. Anything but 201 ends it."""
    waiting, took = list(drafts), list[float]()

    async def client() -> None:
        address = urlsplit(servers.env["DOSSIER_URL"])
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while waiting:
            one, since = waiting.pop(), time.perf_counter()
            writer.write(one.request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            if not head.startswith(b"HTTP/1.1 201"):
                raise AssertionError(head[:15] + body[:200])
            took.append(time.perf_counter() - since)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return took
