"""What an operator is shown of dead letters and of stuck work, and what the programs do when they are killed."""

import asyncio
import os
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hoso_chassis import migrations
from hoso_chassis.consequences import Consequence
from hoso_chassis.database import Database
from hoso_chassis.postgres import Connection
from hoso_contracts.identity import IdentityVerified
from support.batches import rows, seen, take
from support.canaries import Search, spellings
from support.counting import Count, Counting, envelope, record, refused, verified
from support.form import sized
from support.letter_process import begin
from support.operators import Operator

NAME, NUMBER = "Trần Thị Hoàng Yến", "003204001239"
SEARCH = Search({"name": spellings(NAME) | spellings("tran-thi-hoang-yen"), "number": {NUMBER}})


def failing(_event: IdentityVerified, _count: Count) -> Iterable[Consequence]:
    raise KeyError(NUMBER)


async def test_letters_are_found_by_what_is_known_of_them(database: Database) -> None:
    broken, failed, third = envelope(verified()), envelope(verified()), verified()
    topic = {"topic": "identity.verifications.v1"}
    batch = [record(broken, 0, value=b"{"), record(failed, 1), record(third, 2, key=b"a key of its own")]
    await take(database, batch, Counting(failing))
    async with database.connection() as connection:
        await connection.execute("UPDATE dead_letters SET died_at = now() - interval '3 h' WHERE record_offset = 1")
    operator = Operator(database)

    async def offsets(*filters: str) -> list[int]:
        return [line["offset"] for line in (await operator.runs("dead-letters", "list", *filters)).lines]

    assert await offsets() == [0, 1, 2]
    assert await offsets("--reason", "wrong-shape") == [0]
    assert await offsets("--reason", "wrong-shape", "--reason", "handler-failed") == [0, 1]
    assert await offsets("--type", failed.type, "--reason", "handler-failed") == [1]
    assert await offsets("--topic", topic["topic"]) == [0, 1, 2]
    assert await offsets("--topic", "dossier.lifecycle.v1") == []
    assert await offsets("--since", "2h") == [0, 2]
    assert await offsets("--until", (datetime.now(UTC) - timedelta(hours=2)).isoformat()) == [1]
    assert await offsets("--dossier", failed.partitionkey) == [1]
    assert await offsets("--key", "a key of its own") == [2]
    assert await offsets("--key", "a key of its own", "--dossier", failed.partitionkey) == []
    said = await operator.runs("dead-letters", "list", "--max", "2")
    assert [line["offset"] for line in said.lines] == [0, 1]
    assert "and there are more" in said.err
    assert (await operator.runs("dead-letters", "list", "--since", "2026-11-25T03:00")).status == 2
    first = (await operator.runs("dead-letters", "list")).lines[0]
    assert set(first) == {
        *("id", "topic", "partition", "offset", "record_time", "type", "reason", "detail", "attempts", "died_at"),
        "dossier",
    }


async def test_an_operator_at_night_is_told_what_happened_and_how_to_go_on(database: Database) -> None:
    event = envelope(verified())
    await take(database, [record(event, 7)], Counting(failing))
    operator = Operator(database, Counting(lambda event, _: [refused(event.dossier_id)]))
    (letter,) = await operator.letters()
    said = await operator.runs("dead-letters", "explain", str(letter["id"]))

    assert said.status == 0
    for words in (
        "handler-failed: the handler refused it",
        "KeyError at ",
        "identity.verifications.v1, partition 0, offset 7",
        "ce_subject 36 bytes, ce_time ",
        f"dossier         {event.partitionkey}",
        "it would be done, and this would follow:",
        "hoso.dossier.refused.v1",
        f"""echo '{{"id": "{letter["id"]}"}}' | python -m hoso_dossier dead-letters redrive - --by NAME""",
    ):
        assert words in said.out
    assert len(await operator.letters()) == 1
    assert (await operator.redrives()).status == 0
    gone = await operator.runs("dead-letters", "explain", str(letter["id"]))
    assert gone.status == 2
    assert "dead-letters redrive by linh: done" in gone.err


async def test_nothing_that_somebody_may_have_written_is_ever_shown(database: Database) -> None:
    personal = NAME.encode()
    event = envelope(verified())
    named = [("ce_tran-thi-hoang-yen", b"1"), (NAME, personal), (f"x{NUMBER}", None), ("content-type", personal)]
    letters = [
        record(event, 0, value=b'{"full_name": "' + personal + b'"'),
        record(event, 1, key=NUMBER.encode()),
        record(event, 2, headers=(*record(event, 2).headers, *named)),
        record(envelope(verified(), source=f"/hoso/{NUMBER}"), 3),
    ]
    await take(database, letters, Counting(failing))
    async with database.connection() as connection:  # as a program of another time may have kept it
        await connection.execute("UPDATE dead_letters SET type = $1 WHERE record_offset = 3", f"hoso.{NUMBER}.v1")
    operator = Operator(database, Counting(failing))
    kept = await operator.letters()
    assert len(kept) == len(letters)
    haystacks: list[tuple[str, str]] = []
    commands = [("list",), *(("explain", str(letter["id"])) for letter in kept)]
    commands += [("redrive", "-", "--by", "linh"), ("redrive", "-", "--dry-run"), ("purge", "-", "--by", "linh")]
    for command in commands:
        said = await operator.runs("dead-letters", *command, given=await operator.lists())
        assert said.out, command
        haystacks.append((" ".join(command), said.out + said.err))
    acts = await rows(database, "SELECT t::text FROM operator_actions AS t")
    assert SEARCH.places([*haystacks, *(("operator_actions", act[0]) for act in acts)]) == {}


async def test_a_killed_redrive_loses_no_letter_and_does_none_twice(database: Database, database_url: str) -> None:
    count = sized(40, 400)
    await take(database, [record(verified(), offset, value=b"{") for offset in range(count)])
    async with database.connection() as connection:  # the sender's bytes were not the fault: the program is mended
        await _mend(connection, count)
    operator = Operator(database)
    listed = (await operator.lists("--max", "1000")).encode()
    status, said = 0, b""
    for kill in (True, False):
        status, said = await asyncio.to_thread(_redrive, database_url, listed, sized(12, 150) if kill else None)
        done = await seen(database)
        assert done + len(await operator.letters()) == count
        assert len(await operator.acts()) == done
        assert (status == -9, done < count) == (kill, kill)
    assert (status, b" gone" in said, await seen(database)) == (0, True, count)


def _redrive(database_url: str, listed: bytes, killed_after: int | None) -> tuple[int, bytes]:
    """Redrive the list, 40 a second, and kill -9 the program once it has told of so many letters."""
    arguments = ("dead-letters", "redrive", "-", "--by", "linh", "--rate", "40")
    with begin(database_url, *arguments, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(listed)
            process.stdin.close()
            said = b"".join(process.stdout.readline() for _ in range(killed_after or 0))
            if killed_after:
                process.kill()
            said += process.stdout.read()
        finally:
            if killed_after:
                process.kill()
        return process.wait(), said


async def _mend(connection: Connection, count: int) -> None:
    """Put good bytes into the letters, as if the program could read by now what it could not."""
    for offset in range(count):
        good = record(verified(), offset)
        await connection.execute(
            "UPDATE dead_letters SET key = $2, value = $3, header_names = $4, header_values = $5 "
            "WHERE record_offset = $1",
            *(offset, good.key, good.value, [name for name, _ in good.headers], [value for _, value in good.headers]),
        )


async def test_everything_works_where_nothing_can_be_written_and_a_bar_is_shown_to_who_looks(
    database: Database, database_url: str
) -> None:
    await take(database, [record(verified(), offset) for offset in range(3)], Counting(failing))

    async def ends(*arguments: str, given: bytes, stderr: int) -> tuple[int, bytes]:
        process = begin(database_url, *arguments, stdin=subprocess.PIPE, stderr=stderr)
        out, _ = await asyncio.to_thread(process.communicate, given)
        return process.returncode, out

    status, listed = await ends("dead-letters", "list", given=b"", stderr=subprocess.DEVNULL)
    assert (status, len(listed.splitlines())) == (0, 3)
    status, out = await ends("dead-letters", "list", "--out", "letters.jsonl", given=b"", stderr=subprocess.STDOUT)
    assert (status, out.splitlines()[-1].split(b"(")[0]) == (2, b"letters.jsonl cannot be written ")
    terminal, end = os.openpty()
    try:
        told = asyncio.create_task(asyncio.to_thread(_read, terminal))
        status, out = await ends("dead-letters", "redrive", "-", "--by", "linh", given=listed, stderr=end)
    finally:
        os.close(end)
    assert (status, out.splitlines()[-1]) == (0, b"dossier, letters of standard input: 3: 3 done")
    assert b"100%" in await told
    assert b"\x1b" not in out
    assert await seen(database) == 3


def _read(terminal: int) -> bytes:
    """What is written to the terminal, until everybody has closed it."""
    text = b""
    try:
        while piece := os.read(terminal, 65536):
            text += piece
    except OSError:  # how a terminal says so
        return text
    finally:
        os.close(terminal)
    return text


async def test_a_database_that_lacks_the_tables_is_said_so(database_url: str) -> None:
    database = Database(database_url, "/hoso/dossier")
    with pytest.raises(migrations.DatabaseNotMigrated):
        await Operator(database).runs("dead-letters", "list")


async def test_a_database_that_is_away_is_said_so(database_url: str) -> None:
    away = Database(f"{database_url.rpartition('@')[0]}@127.0.0.1:1/none", "/hoso/dossier")
    said = await Operator(away).runs("dead-letters", "redrive", "-", "--dry-run", given=f'{{"id": "{uuid4()}"}}')
    assert said.status == 1
    assert "dossier: the database does not answer (" in said.err
