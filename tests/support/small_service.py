"""A service as small as can be, as a process: its requests, batches and calls ask a gate and wait until let go."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.postgres import Connection
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.work import GivenUp, Kind
from hoso_contracts.identity import IdentityVerified
from support.counting import Count, Counting, CountStore, refused


class SmallSettings(ServiceSettings):
    """Where the gate is, and what asks it.

    Attributes:
        gate_port: of 127.0.0.1.
        gated: any of request, batch, call.
        breaks: the handler raises, as a faulty release does.
        at_most_once: of the call.
    """

    gate_port: int = 0
    gated: str = ""
    breaks: bool = False
    at_most_once: bool = False


class Nothing(BaseModel):
    """A payload."""


class GatedStore(CountStore):
    """Asks the gate in the middle of a batch, with its rows locked."""

    def __init__(self, settings: SmallSettings) -> None:
        self.settings = settings

    async def save(self, connection: Connection, aggregates: Sequence[Count]) -> None:
        await super().save(connection, aggregates)
        await _pass("batch", self.settings)


async def _pass(what: str, settings: SmallSettings) -> None:
    if what not in settings.gated.split(","):
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.gate_port)
    writer.write(f"{what}\n".encode())
    try:
        await reader.readline()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def build(settings: SmallSettings) -> Parts[Count]:
    """Put the parts together."""
    database = Database(settings.database_url.get_secret_value(), "/hoso/dossier", max_ages={"call": timedelta(days=1)})

    async def call(_payload: Nothing) -> None:
        await _pass("call", settings)

    def record(_payload: Nothing, _result: None, count: Count) -> Iterable[Consequence]:
        count.seen += 1
        yield refused(count.dossier_id)

    def give_up(_payload: Nothing, _why: GivenUp, _count: Count) -> Iterable[Consequence]:
        return ()

    def then(event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
        if settings.breaks:
            raise KeyError
        yield refused(event.dossier_id)

    router = APIRouter()

    @router.post("/v1/effects/{dossier_id}")
    async def do(dossier_id: UUID) -> None:
        async with database.transaction() as tx:
            tx.announce(refused(dossier_id))
            await _pass("request", settings)

    @router.post("/v1/calls/{dossier_id}")
    async def ask(dossier_id: UUID) -> None:
        async with database.transaction() as tx:
            tx.enqueue(Work("call", str(dossier_id), dossier_id, Nothing()))

    kind = Kind(
        "call", "gate", Nothing, call, record, give_up, timeout=60, at_most_once=settings.at_most_once, first_delay=0.01
    )
    return Parts(database, GatedStore(settings), Counting(then).inbound, kinds=(kind,), routers=[router])


service = Service("dossier", os.environ.get("RELEASE", "0"), SmallSettings, build, ("hoso_counting.sql",))
