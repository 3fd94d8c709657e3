"""Everything one can do with receipts has its end: refused by pointer and nothing left, or taken and looked at."""

import re
from collections.abc import AsyncIterator
from functools import partial
from json import dumps
from typing import Final

import pytest
import pytest_asyncio

from support.dossier_service import empty_database
from support.matrices import Covers
from support.receipt_scene import Drafts, Scene, opened
from support.receipt_trick import TAKEN, Trick
from support.receipt_tricks import TRICKS

pytestmark = pytest.mark.asyncio(loop_scope="module")

MATRIX: Final = "receipts, tricks x ends"
LONG_ENOUGH: Final = 12
"""Characters that no answer has by chance."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with opened(partial(empty_database, postgres), tmp_path_factory.mktemp("receipts")) as scene:
        yield scene


def sent(trick: Trick, drafts: Drafts) -> set[str]:
    """What no refusal may hold: each part of the receipts, and what their claims say."""
    words = re.split(r"[^A-Za-z0-9_-]", dumps(trick.make(drafts.papers)))
    return {word for word in words if len(word) >= LONG_ENOUGH}


@pytest.mark.parametrize("trick", [one for one in TRICKS if not one.end.startswith(TAKEN)], ids=lambda one: one.name)
async def test_a_trick_is_refused_by_pointer_and_leaves_nothing(scene: Scene, trick: Trick, covers: Covers) -> None:
    covers(MATRIX, trick.name, trick.end)
    drafts = await scene.drafts(trick)
    before = await scene.kept()
    answer = await scene.play(trick, drafts)
    assert await scene.kept() == before, "something was left"
    problem = answer.json()
    flaws = sorted((one["pointer"], one["code"]) for one in problem.get("errors", ()))
    told = [
        str(answer.status_code),
        problem["type"].removeprefix("/problems/"),
        *(word for one in flaws for word in one),
    ]
    assert sorted(told) == sorted(trick.end.split(" "))
    assert [part for part in sent(trick, drafts) if part in answer.text] == []


@pytest.mark.parametrize("trick", [one for one in TRICKS if one.end.startswith(TAKEN)], ids=lambda one: one.name)
async def test_what_is_taken_is_held_against_the_file(scene: Scene, trick: Trick, covers: Covers) -> None:
    covers(MATRIX, trick.name, trick.end)
    drafts = await scene.drafts(trick)
    answer = await scene.play(trick, drafts)
    assert answer.status_code == 201, answer.text
    assert trick.end in {TAKEN, await scene.follow(drafts.ids["draft"])}


async def test_every_trick_has_a_name_of_its_own() -> None:
    assert len({one.name for one in TRICKS}) == len(TRICKS)
