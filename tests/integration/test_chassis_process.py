"""A whole worker in this process: what a start without a broker does to the calls that are in flight."""

import asyncio
import signal
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

from pydantic import BaseModel

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.database import Database
from hoso_chassis.process import Process
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.work import GivenUp, Kind
from support.counting import Count, Counting, CountStore
from support.waiting import until_async


class Nothing(BaseModel):
    """A payload."""


async def test_a_worker_waits_for_its_broker_and_goes_on_calling(database: Database, database_url: str) -> None:
    calls = 0

    async def call(_payload: Nothing) -> None:
        nonlocal calls
        calls += 1

    def record(_payload: Nothing, _result: None, _count: Count) -> Iterable[Consequence]:
        return ()

    def give_up(_payload: Nothing, _why: GivenUp, _count: Count) -> Iterable[Consequence]:
        return ()

    def build(settings: ServiceSettings) -> Parts[Count]:
        own = Database(settings.database_url.get_secret_value(), "/hoso/dossier", max_ages=database.max_ages)
        kind = Kind("call", "target", Nothing, call, record, give_up, at_most_once=True)
        return Parts(own, CountStore(), Counting().inbound, kinds=(kind,))

    async def live() -> int:
        async with database.connection() as connection:
            return await connection.fetchval("SELECT count(*) FROM work")

    database.max_ages["call"] = timedelta(days=1)
    settings = ServiceSettings.model_validate(
        {"database_url": database_url, "kafka_bootstrap_servers": "127.0.0.1:1", "health_port": 0}
    )
    running = asyncio.create_task(
        Process(Service("dossier", "0", ServiceSettings, build, ()), settings, ("worker",)).run()
    )
    for number in range(3):  # each after the one before was done: it goes on and on
        async with database.transaction() as tx:
            tx.enqueue(Work("call", "key", uuid4(), Nothing()))
        await until_async(live, within=10, is_=0)
        assert calls == number + 1
    assert not running.done()
    signal.raise_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running, 20) == 0
