"""Every trick at every route of dossier and storage over a real socket: its one end, no word repeated, nothing left."""

import asyncio
import logging
from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from hoso_chassis import limits
from support.dossier_service import empty_database
from support.http_body_edges import BODIES
from support.http_edges import Edge, End
from support.http_framing_edges import FRAMINGS
from support.http_head_edges import HEADS
from support.http_hidden_edges import HIDINGS
from support.http_path_edges import PATHS
from support.http_routes import Route
from support.http_targets import Target, dossier_target, storage_target
from support.matrices import Covers
from support.raw_http import Answer, exchange
from support.refusals import canary

EDGES = (*HEADS, *PATHS, *BODIES, *FRAMINGS, *HIDINGS)
WORD = canary()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def targets(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[list[Target]]:
    folder = tmp_path_factory.mktemp("services")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "LINGER_SECONDS", 1.0)
        async with (
            empty_database(postgres) as one,
            empty_database(postgres) as other,
            dossier_target(one, folder, WORD) as dossier,
            storage_target(other, folder, WORD) as storage,
        ):
            yield [dossier, storage]


def holds(answer: Answer, end: End, plain: str) -> bool:
    expected = {plain if one == "plain" else one for one in end.answers}
    return answer.told in expected and end.closes in {None, answer.closes}


async def end_of(target: Target, route: Route, edge: Edge) -> None:
    """Try it and hold the answers against what they must be."""
    ends, plain = edge.ends[route.kind], target.plain[route.name]
    answers = await exchange(target.port, edge.send(route), answers=len(ends), heads_only=edge.is_head)
    said = [(answer.told, answer.closes) for answer in answers]
    assert len(answers) == len(ends), f"{route.name}: {said}"
    for answer, end in zip(answers, ends, strict=True):
        assert holds(answer, end, plain), f"{route.name} answered {said}"
        assert answer.status < 400 or edge.is_head or answer.told.partition(" ")[2], f"{route.name}: no problem"
        assert WORD.encode() not in answer.body, route.name
        assert answer.status < 400 or len(answer.body) < 8192, f"{route.name}: {len(answer.body)} bytes"
        assert WORD not in str(answer.headers), route.name


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("edge", EDGES, ids=[edge.name for edge in EDGES])
async def test_every_route_ends_a_trick_as_it_must(
    targets: list[Target], edge: Edge, covers: Covers, caplog: pytest.LogCaptureFixture
) -> None:
    tried = [(target, route) for target in targets for route in target.routes if edge.tries(route)]
    for _, route in tried:
        covers("http edges, routes x tricks", route.name, edge.name)
    with capture_logs() as logged:
        await asyncio.gather(*(end_of(target, route, edge) for target, route in tried))
        for target in targets:
            assert await target.kept() == target.before
            assert await target.serves()
    assert logged == []
    assert [record.message for record in caplog.records if record.levelno > logging.WARNING or record.exc_info] == []
    assert WORD not in caplog.text


def test_no_two_tricks_have_one_name() -> None:
    assert len({edge.name for edge in EDGES}) == len(EDGES)
