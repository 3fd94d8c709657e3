"""Every trick with time at every route of dossier and storage: 408 where somebody is there to read it, nothing left."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from hoso_chassis import limits
from hoso_chassis.edge import BoundedProtocol
from support.dossier_service import empty_database
from support.http_routes import Route
from support.http_slow_edges import SLOW, SlowEdge
from support.http_targets import Target, dossier_target, storage_target
from support.matrices import Covers
from support.raw_http import connected
from support.refusals import canary
from support.waiting import until_async

pytestmark = pytest.mark.asyncio(loop_scope="module")

WORD = canary()


class Hurried(BoundedProtocol):
    head_seconds = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def targets(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[list[Target]]:
    folder = tmp_path_factory.mktemp("services")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "LINGER_SECONDS", 0.5)
        async with (
            empty_database(postgres) as one,
            empty_database(postgres) as other,
            dossier_target(one, folder, WORD, body_seconds=1.0, protocol=Hurried) as dossier,
            storage_target(
                other, folder, WORD, protocol=Hurried, upload_idle_seconds=1.0, upload_seconds=1.5
            ) as storage,
        ):
            yield [dossier, storage]


async def end_of(target: Target, route: Route, edge: SlowEdge) -> None:
    """Try it; where somebody reads an answer, it is the right one and the last."""
    async with asyncio.timeout(30), connected(target.port) as talk:
        await edge.play(talk, route)
        if not edge.ends:
            return
        answer = await talk.answer()
        assert answer, f"{route.name}: no answer"
        expected = {target.plain[route.name] if one == "plain" else one for one in edge.ends[route.kind].answers}
        assert answer.told in expected, f"{route.name} answered {answer.told}"
        assert answer.closes, route.name
        assert WORD.encode() not in answer.body, route.name
        assert await talk.answer() is None, f"{route.name}: an answer too many"


@pytest.mark.parametrize("edge", SLOW, ids=[edge.name for edge in SLOW])
async def test_every_route_outlives_who_is_slow_or_goes(
    targets: list[Target], edge: SlowEdge, covers: Covers, caplog: pytest.LogCaptureFixture
) -> None:
    tried = [(target, route) for target in targets for route in target.routes]
    for _, route in tried:
        covers("http edges, routes x tricks", route.name, edge.name)
    with capture_logs() as logged:
        await asyncio.gather(*(end_of(target, route, edge) for target, route in tried))
        for target in targets:
            await until_async(target.is_quiet, within=20)
            assert await target.kept() == target.before
            assert await target.serves()
    assert logged == []
    assert [record.message for record in caplog.records if record.levelno > logging.WARNING or record.exc_info] == []
    assert WORD not in caplog.text
