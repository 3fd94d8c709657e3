"""The files of a draft: what binds, what does not, and that nothing is said twice."""

import copy
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID, uuid4

import pytest

from hoso_storage.domain import Attachment, Bound, DraftFiles, Missing, Scanned, State

DRAFT = uuid4()
SHA256 = "a" * 64
AT, LATER = datetime(2026, 11, 24, 3, tzinfo=UTC), datetime(2026, 11, 24, 4, tzinfo=UTC)


def attachment(state: State = "stored", verdict: str | None = None) -> Attachment:
    return Attachment(
        uuid4(), DRAFT, "proof", "p-1", SHA256, 10, "image/png", datetime(2026, 11, 24, tzinfo=UTC), state, verdict
    )


def files_of(*attachments: Attachment) -> DraftFiles:
    return DraftFiles(DRAFT, MappingProxyType({one.id: one for one in attachments}))


def test_a_stored_file_is_bound_once() -> None:
    one = attachment()
    files = files_of(one, attachment())
    (outcome,) = files.bind(one.id, SHA256)
    assert isinstance(outcome, Bound)
    assert outcome.attachment.state == "bound"
    assert [changed.id for changed in files.changed] == [one.id]
    assert list(files.bind(one.id, SHA256)) == []


@pytest.mark.parametrize("state", ["bound", "scanned", "lost"])
def test_a_file_that_the_dossier_has_already_is_not_bound_again(state: State) -> None:
    one = attachment(state, "clean" if state == "scanned" else None)
    files = files_of(one)
    assert list(files.bind(one.id, SHA256)) == []
    assert files.changed == ()


@pytest.mark.parametrize("state", ["receiving", "expired"])
def test_a_file_that_is_not_whole_or_going_is_missing(state: State) -> None:
    one = attachment(state)
    files = files_of(one)
    assert list(files.bind(one.id, SHA256)) == [Missing(one.id)]
    assert files.changed == ()


def test_an_unknown_file_and_one_with_another_hash_are_missing_and_told_once() -> None:
    one, unknown = attachment(), UUID(int=7)
    files = files_of(one)
    assert list(files.bind(unknown, SHA256)) == [Missing(unknown)]
    assert list(files.bind(one.id, "b" * 64)) == [Missing(one.id)]
    assert list(files.bind(unknown, SHA256)) == []
    assert files.missing == {unknown, one.id}
    assert files.attachments[one.id].state == "stored"


def test_only_the_first_verdict_on_a_bound_file_counts() -> None:
    one = attachment("bound")
    files = files_of(one)
    assert list(files.scan(one.id, "infected", AT)) == [Scanned(one.id, "infected", AT)]
    assert list(files.scan(one.id, "clean", LATER)) == []
    assert files.attachments[one.id].verdict == "infected"
    assert list(files.scan(UUID(int=7), "clean", AT)) == []


def test_what_the_dossier_has_is_said_again_and_changes_nothing() -> None:
    bound, scanned = attachment("bound"), replace(attachment("scanned", "clean"), scanned_at=AT)
    files = files_of(bound, scanned)
    assert list(files.answer_again(bound.id, SHA256, LATER)) == [Bound(bound, is_unscanned=True)]
    verdict = [Bound(scanned, is_unscanned=False), Scanned(scanned.id, "clean", AT)]
    assert list(files.answer_again(scanned.id, SHA256, LATER)) == verdict
    assert list(files.answer_again(scanned.id, SHA256, LATER)) == verdict
    assert files.changed == ()


def test_a_scan_that_is_under_way_is_waited_for() -> None:
    bound = attachment("bound")
    files = DraftFiles(DRAFT, MappingProxyType({bound.id: bound}), in_work=True)
    assert list(files.answer_again(bound.id, SHA256, LATER)) == [Bound(bound, is_unscanned=False)]


def test_a_file_whose_submission_was_never_heard_of_is_bound_when_it_is_asked_about() -> None:
    one = attachment("stored")
    files = files_of(one)
    (outcome,) = files.answer_again(one.id, SHA256, LATER)
    assert isinstance(outcome, Bound)
    assert outcome.is_unscanned
    assert files.attachments[one.id].state == "bound"


def test_a_verdict_from_before_its_time_was_kept_counts_from_when_it_is_asked_for() -> None:
    one = attachment("scanned", "clean")
    assert Scanned(one.id, "clean", LATER) in files_of(one).answer_again(one.id, SHA256, LATER)


@pytest.mark.parametrize("state", ["receiving", "expired", "lost"])
def test_a_file_that_is_gone_is_missing_however_often_it_is_asked_about(state: State) -> None:
    one, unknown = attachment(state), UUID(int=7)
    files = files_of(one)
    for _ in range(2):
        assert list(files.answer_again(one.id, SHA256, LATER)) == [Missing(one.id)]
        assert list(files.answer_again(unknown, SHA256, LATER)) == [Missing(unknown)]
    assert files.changed == ()


def test_a_file_with_another_hash_is_not_the_one_that_is_asked_about() -> None:
    one = attachment("scanned", "clean")
    assert list(files_of(one).answer_again(one.id, "b" * 64, LATER)) == [Missing(one.id)]


def test_a_bound_file_without_content_is_lost_once() -> None:
    one = attachment("bound")
    files = files_of(one)
    assert list(files.lose(one.id)) == [Missing(one.id)]
    assert list(files.lose(one.id)) == []
    assert files.attachments[one.id].state == "lost"


@pytest.mark.parametrize(
    ("state", "verdict", "expected"),
    [
        ("stored", None, False),
        ("bound", None, False),
        ("scanned", "not-scanned", False),
        ("scanned", "infected", False),
        ("scanned", "surprise", False),
        ("lost", None, False),
        ("scanned", "clean", True),
    ],
)
def test_only_what_is_clean_can_be_read(state: State, verdict: str | None, *, expected: bool) -> None:
    assert attachment(state, verdict).is_readable is expected


def test_a_shallow_copy_is_enough_to_go_back() -> None:
    one = attachment()
    files = files_of(one)
    before = copy.copy(files)
    list(files.bind(one.id, SHA256))
    list(files.bind(UUID(int=7), SHA256))
    assert before.attachments[one.id].state == "stored"
    assert before.missing == frozenset()
    assert before.changed == ()
