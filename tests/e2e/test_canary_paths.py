"""One citizen whose data goes through every path, also the failing ones, and is then searched for in every place."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from hoso_stack.layout import ROLES, SERVICES
from support import canary_forms, canary_http, canary_kills, canary_outside, canary_records
from support.canaries import Search
from support.canary_places import ALLOWED, PLACES, Seen, activity
from support.canary_walk import PATIENCE, Walk
from support.form import sized
from support.hits import pid_of
from support.hunted import hunted
from support.kept import kept_when_still
from support.matrices import Covers
from support.stories import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(sized(600, 3600))]

MATRIX = "canary, paths x places"
STORIES = "stories"
PATHS = (
    *(STORIES, canary_http.PATH, canary_forms.VALUES, canary_forms.RECEIPTS, canary_forms.TOKENS),
    *(canary_records.PATH, canary_outside.PATH, canary_kills.PATH, canary_kills.REFUSED),
)


async def walk_all(stack: RunningStack) -> Seen:
    """Every path, one after the other; then what there is when nothing moves any more.

    The kills come last but for the database: they take the metrics of what was before them.
    """
    async with httpx.AsyncClient(timeout=60) as client:
        walk = Walk(stack, hunted(stack.folder / "keys"), client)
        accepted = await walk.submitted()
        await accepted.accept()
        refused = await walk.submitted(full_name="Nguyễn Thị Đường Không Phải")
        for story in (accepted, refused):
            await story.told(2)
        walk.tried[STORIES] = 2
        walk.draft = walk.story()
        await walk.draft.fill_in(**walk.person.answers)
        uploaded = await walk.draft.upload()
        await canary_http.try_everything(walk, accepted, uploaded["id"])
        await canary_forms.type_wrongly(walk)
        await canary_forms.hand_in_bad_receipts(walk, uploaded["receipt"])
        await canary_forms.come_with_bad_tokens(walk)
        await canary_records.send_odd_records(walk)
        await canary_outside.fail_around(walk)
        await walk.scrape("before the kills")
        await canary_kills.die_with_it(walk)
        await canary_kills.be_refused_by_the_database(walk, accepted.dossier_id)
        kept = await kept_when_still(stack.env(), within=PATIENCE * 2)
        await walk.scrape("at the end")
        return Seen(walk, kept, await activity(stack.env()))


@pytest.fixture(scope="module")
def seen(stack: RunningStack) -> Seen:
    return asyncio.run(walk_all(stack))


@pytest.mark.parametrize("place", PLACES)
def test_no_place_has_more_of_the_citizen_than_it_may(seen: Seen, place: str, covers: Covers) -> None:
    for path in PATHS:
        covers(MATRIX, path, place)
    found = seen.walk.person.search().places(PLACES[place](seen))
    assert {where: more for where, what in found.items() if (more := what - ALLOWED.get(where, frozenset()))} == {}


def test_every_path_was_gone(seen: Seen) -> None:
    least: Mapping[str, int] = {
        STORIES: 2,
        canary_http.PATH: 500,
        canary_forms.VALUES: 100,
        canary_forms.RECEIPTS: 40,
        canary_forms.TOKENS: 150,
        canary_records.PATH: 120,
        canary_outside.PATH: len(canary_outside.FAILURES),
        canary_kills.PATH: 6,
        canary_kills.REFUSED: 3,
    }
    assert {path: seen.walk.tried.get(path, 0) for path in PATHS if seen.walk.tried.get(path, 0) < least[path]} == {}


def known(seen: Seen) -> Mapping[str, str]:
    """For each place a word that is there for certain."""
    about = seen.walk.dossiers[0]
    peer = seen.walk.stack.env()
    return {
        "log": "violates check constraint",
        "span": "/v1/drafts/{draft_id}/submit",
        "metric": "/v1/drafts/{draft_id}/submit",
        "answer": "/problems/receipt-invalid",
        "topic, keys": about,
        "topic, headers": "hoso.dossier.submitted.v1",
        "topic, values": about,
        "table": about,
        "object": "application/pdf",
        "statement": "pg_stat_activity",
        "process": f"DATABASE_URL={peer['DOSSIER_DATABASE_URL']}",
        "file": peer["DOSSIER_DATABASE_URL"],
    }


@pytest.mark.parametrize("place", PLACES)
def test_the_search_finds_what_is_there(seen: Seen, place: str) -> None:
    assert Search({"known": {known(seen)[place]}}).places(PLACES[place](seen))


def test_the_places_where_it_may_be_are_those_where_it_is(seen: Seen) -> None:
    """A place that is allowed for nothing would hide a leak."""
    found: dict[str, set[str]] = {}
    for read in PLACES.values():
        found |= seen.walk.person.search().places(read(seen))
    unused = {where: what - found.get(where, set()) for where, what in ALLOWED.items()}
    passing = {"dossier.outbox.value", "identity.work.payload", "notify.work.payload"}
    assert {
        where for where, more in unused.items() if more and where not in passing and "dead_letters" not in where
    } == set()


def core_limit(pid: int) -> tuple[int | None, int | None]:
    """How many octets of its memory a process may leave in a file, softly and in any case; None: as many as it has."""
    limits = (Path("/proc") / str(pid) / "limits").read_text().splitlines()
    soft, hard = next(line for line in limits if line.startswith("Max core file size")).split()[4:6]
    return tuple(None if one == "unlimited" else int(one) for one in (soft, hard))  # type: ignore[return-value]


def test_no_part_leaves_its_memory_in_a_file(stack: RunningStack) -> None:
    pids = {name: int(pid) for name, pid in stack.env().items() if name.startswith("PID_")}
    assert len(pids) >= 19
    assert {name for name, pid in pids.items() if core_limit(pid)[0] not in {0, 1}} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_of_ours_can_be_made_to(stack: RunningStack, service: str) -> None:
    for role in ROLES:
        pid = pid_of(stack.env(), f"{service}-{role}")
        assert pid is not None
        assert core_limit(pid)[1] in {0, 1}
