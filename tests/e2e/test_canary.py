"""Two citizens whose data is searched for everywhere when their stories are over: it is only where it may be."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from support.canaries import Search, written
from support.lives import COMMANDS, Lived, live
from support.stories import RunningStack

pytestmark = pytest.mark.stack

ENDS = ("accepted", "refused")
# Who owns personal data keeps it here until its time of deletion; drafts, outbox and work only while they are needed.
KEPT = {"dossier.dossiers.answers", "dossier.dossiers.email", "dossier.dossiers.phone"}
PASSING = {
    "dossier.drafts.answers",
    *(f"{one}.{column}" for one in ("dossier", "identity", "notify") for column in ("outbox.value", "work.payload")),
}
LETTERS = {"identity.dead_letters.value", "notify.dead_letters.value"}


@pytest.fixture(scope="module")
def lived(stack: RunningStack) -> Lived:
    return asyncio.run(live(stack))


@pytest.fixture(params=ENDS)
def search(request: pytest.FixtureRequest, lived: Lived) -> Search:
    """What one of the two has told."""
    return lived.people[request.param]


def parts(lived: Lived) -> Iterator[tuple[str, bytes]]:
    """Keys, headers and values of all records, by topic."""
    for one in lived.kept.records:
        yield f"{one.topic} key", one.key or b""
        yield f"{one.topic} value", one.value or b""
        for name, value in one.headers:
            yield f"{one.topic} header", name.encode() + b": " + (value or b"")


def cells(lived: Lived) -> Iterator[tuple[str, str | bytes]]:
    """Everything in the databases, by service, table and column."""
    for table, rows in lived.kept.rows.items():
        for row in rows:
            for column, value in row.items():
                yield f"{table}.{column}", value if isinstance(value, bytes) else str(value)


def test_no_log_and_no_span_knows_a_citizen(stack: RunningStack, lived: Lived, search: Search) -> None:
    files = dict(written(stack.folder))
    assert {"logs/kafka.log", "logs/postgres.log", "logs/minio.log", "spans/notify-worker.jsonl"} <= set(files)
    assert search.places(files.items()) == {}
    assert lived.tokens.places(files.items()) == {}


def test_the_search_of_logs_and_spans_finds_what_is_there(stack: RunningStack, lived: Lived) -> None:
    heard = [
        str(dict(one.headers)["ce_id"], "ascii")  # type: ignore[arg-type]
        for one in lived.kept.records
        if one.topic == "identity.verifications.v1" and one.key in lived.keys
    ]
    assert set(Search({"event": heard[-1:]}).places(written(stack.folder))) == {"spans/dossier-worker.jsonl"}


def test_only_the_two_command_channels_know_a_citizen_and_each_only_its_class(lived: Lived, search: Search) -> None:
    allowed: Mapping[str, Any] = {f"{topic} value": known for topic, known in COMMANDS.items()}
    assert search.places(parts(lived)) == allowed


def test_no_metric_knows_a_citizen(lived: Lived, search: Search) -> None:
    assert len(lived.metrics) == 12
    assert sum(b"hoso_" in text for text in lived.metrics.values()) >= 8
    assert all(b"process_cpu" in text for text in lived.metrics.values())
    assert search.places(lived.metrics.items()) == {}


def test_a_dead_letter_says_why_without_saying_what(lived: Lived) -> None:
    search = lived.people["accepted"]
    for service, topic in (("identity", "identity.verification-requests.v1"), ("notify", "notification.requests.v1")):
        letters = [letter for letter in lived.kept.rows[f"{service}.dead_letters"] if letter["key"] in lived.keys]
        assert search.found(b"\n".join(letter["value"] for letter in letters)) == COMMANDS[topic]
        for letter in letters:
            assert letter["reason"] == "wrong-shape"
            assert not search.found(str({name: value for name, value in letter.items() if name != "value"}))


def test_the_databases_know_a_citizen_in_the_columns_that_may(lived: Lived, search: Search) -> None:
    found = set(search.places(cells(lived)))
    assert found <= KEPT | PASSING | LETTERS
    assert found >= KEPT
