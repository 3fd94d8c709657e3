"""Old pods beside a newer database: they go on while it allows them, and stop with a clear message when it does not."""

from pathlib import Path

import httpx
import pytest

from hoso_chassis import migrations
from hoso_chassis.code_version import CodeTooOld
from hoso_chassis.database import Database
from support.small_process import Ground
from support.waiting import until_async


@pytest.fixture
async def ground(tmp_path: Path, database_url: str, kafka: str) -> Ground:
    return Ground(tmp_path, database_url, kafka)


async def health(url: str, path: str) -> tuple[int, str]:
    """Status and body, 0 when nobody answers."""
    async with httpx.AsyncClient() as client:
        try:
            answer = await client.get(f"{url}/{path}")
        except httpx.HTTPError:
            return 0, ""
        return answer.status_code, answer.text


async def test_every_role_goes_on_beside_what_it_can_live_with_and_halts_before_what_it_cannot(ground: Ground) -> None:
    await ground.migrate(2)
    async with (
        ground.running("api", 2) as api,
        ground.running("worker", 2) as worker,
        ground.running("relay", 2) as relay,
    ):
        old = (api, worker, relay)
        for one in old:
            await until_async(lambda one=one: health(one.url, "readyz"), within=30, is_=lambda told: told[0] == 200)
        assert (await ground.command(3, "migrate"))[0] == 0
        status, said = await ground.command(2, "check")
        assert (status, "hoso_counting is at 3 there, still allows 2" in said) == (0, True), said
        for one in old:
            await one.said('"event":"database-newer"')
        assert [one.process.returncode for one in old] == [None] * 3

        assert (await ground.command(4, "migrate"))[0] == 0
        for one in old:
            told = await until_async(
                lambda one=one: health(one.url, "livez"), within=10, is_=lambda told: told[0] == 503
            )
            assert "needs hoso_counting of version 3 or newer and this is version 2" in told[1]
            assert "halted_state 1.0" in (await health(one.url, "metrics"))[1]
        assert (await health(api.url, "v1/anything"))[0] == 503
        for one in old:
            one.signal()  # who has read why need not wait
            assert (await one.ended(10))[0] == 1
            assert '"event":"halted"' in one.log.read_text()


async def test_an_old_image_refuses_to_start_to_check_and_to_migrate_and_changes_nothing(
    ground: Ground, database_url: str
) -> None:
    await ground.migrate(4)
    before = await fingerprint(database_url)
    ground.settings["HALT_SHOWN_SECONDS"] = "0"
    for words in (("check",), ("migrate",), ("serve", "--role", "relay")):
        status, said = await ground.command(2, *words)
        assert status == 1
        assert "needs hoso_counting of version 3 or newer and this is version 2 (the database is at 4)" in said
        assert "Traceback" not in said
    assert await fingerprint(database_url) == before
    status, said = await ground.command(3, "migrate")
    assert (status, "nothing to migrate; hoso_counting is at 4 there, still allows 3" in said) == (0, True), said


async def test_a_migration_that_would_lock_out_its_own_code_is_refused_whole(ground: Ground, database_url: str) -> None:
    await ground.migrate(1)
    before = await fingerprint(database_url)
    locks_out = "CREATE TABLE left_behind (); SELECT require_code_version('hoso_counting', 9);"
    status, said = await ground.command(1, "migrate", extra={2: locks_out})
    assert status == 1
    assert "demands newer code than it comes with" in said
    assert await fingerprint(database_url) == before


async def test_a_demand_is_never_lowered_and_another_packages_is_not_ours(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("SELECT require_code_version('hoso_chassis', 99)")
        await connection.execute("SELECT require_code_version('hoso_chassis', 3)")
        await connection.execute("SELECT require_code_version('hoso_elsewhere', 99)")
        with pytest.raises(CodeTooOld, match="hoso_chassis of version 99"):
            await migrations.require_migrated(connection, ("hoso_chassis.sql",))
        await connection.execute("DELETE FROM code_versions WHERE package = 'hoso_chassis'")
        assert await migrations.require_migrated(connection, ("hoso_chassis.sql",)) == []


async def fingerprint(database_url: str) -> list[str]:
    """All tables, and every migration with its time."""
    one = Database(database_url, "/hoso/dossier", size=1)
    await one.open()
    try:
        async with one.connection() as connection:
            rows = await connection.fetch(
                "SELECT relname::text AS what FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "UNION ALL SELECT name || applied_at FROM migrations "
                "UNION ALL SELECT package || min_code_version FROM code_versions ORDER BY 1"
            )
    finally:
        await one.close()
    return [row["what"] for row in rows]
