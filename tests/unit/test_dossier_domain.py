"""The life of a dossier: what moves it, what does not, and who is told."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import pytest

from hoso_dossier.domain import (
    FORMS,
    MOVES,
    NOT_MATCHING,
    UNUSABLE_PAPER,
    ContentDiffers,
    Dossier,
    NotReady,
    UnknownAttachment,
    UnknownNotification,
    WrongStatus,
)
from hoso_dossier.values import (
    Actor,
    Answer,
    Fact,
    NotificationAsked,
    Status,
    StatusChange,
    Verification,
    VerificationAsked,
)
from support.dossier_samples import CODE, MOMENT, attachment, identity, later, submitted

OFFICER = Actor("officer", "officer-1", "G01.999.901")
DUE = later(3 * 86_400)


def changes(facts: Iterable[Fact]) -> list[StatusChange]:
    return [fact for fact in facts if isinstance(fact, StatusChange)]


def ready() -> Dossier:
    """A dossier that may be accepted."""
    dossier = submitted()
    dossier.confirm_identity(dossier.verification.id, later(1))
    list(dossier.record_verdict(dossier.attachments[0].id, "clean", later(2)))
    return dossier


def accepted() -> Dossier:
    dossier = ready()
    list(dossier.accept(OFFICER, later(3), DUE, take_not_scanned=False))
    return dossier


def test_a_submission_tells_everybody_asks_the_register_and_tells_the_citizen() -> None:
    dossier = submitted()
    fresh = Dossier(**{name: getattr(dossier, name) for name in _KEPT}, verification=Verification(uuid4()))
    facts = list(fresh.submit(identity()))
    assert [type(fact) for fact in facts] == [StatusChange, VerificationAsked, NotificationAsked, NotificationAsked]
    moved, asked, mail, text = facts
    assert isinstance(moved, StatusChange)
    assert (moved.previous, moved.status, moved.version, moved.receipt) == (None, Status.REGISTERED, 1, None)
    assert moved.actor == Actor("citizen", "person-1")
    assert isinstance(asked, VerificationAsked)
    assert asked.verification_id == fresh.verification.id
    assert isinstance(mail, NotificationAsked)
    assert isinstance(text, NotificationAsked)
    assert (mail.notification.channel, mail.notification.template) == ("email", "dossier-submitted")
    assert (text.notification.channel, text.notification.occasion) == ("sms", "submitted")
    assert mail.notification.id != text.notification.id


_KEPT = (
    *("id", "code", "procedure", "procedure_version", "procedure_name", "case", "agency", "owner", "channel"),
    *("submitted_at", "attachments", "contacts"),
)


def test_a_confirmed_identity_moves_nothing() -> None:
    dossier = submitted()
    dossier.confirm_identity(dossier.verification.id, later(1))
    assert dossier.verification.answer is Answer.VERIFIED
    assert (dossier.status, dossier.version) == (Status.REGISTERED, 1)
    assert [entry.kind for entry in dossier.entries] == ["identity-verified"]


def test_a_rejected_identity_refuses_the_dossier_and_the_citizen_is_told() -> None:
    dossier = submitted()
    facts = list(dossier.reject_identity(dossier.verification.id, later(1)))
    (moved,) = changes(facts)
    assert (moved.previous, moved.status, moved.reason) == (Status.REGISTERED, Status.REFUSED, "not-eligible")
    assert moved.actor == Actor("system")
    assert moved.receipt is not None
    assert (moved.receipt.form, moved.receipt.number) == ("CT06", f"{CODE}/01-CT06")
    told = [fact for fact in facts if isinstance(fact, NotificationAsked)]
    assert [(one.notification.occasion, one.reason) for one in told] == [("refused", NOT_MATCHING)] * 2


def test_an_answer_to_another_question_is_told_and_not_believed() -> None:
    dossier = submitted()
    assert list(dossier.reject_identity(uuid4(), later(1))) == []
    dossier.confirm_identity(uuid4(), later(2))
    assert (dossier.status, dossier.verification.answer) == (Status.REGISTERED, Answer.AWAITED)
    assert [entry.kind for entry in dossier.entries] == ["identity-answer-unused"] * 2


def test_the_first_answer_counts() -> None:
    dossier = submitted()
    dossier.confirm_identity(dossier.verification.id, later(1))
    assert list(dossier.reject_identity(dossier.verification.id, later(2))) == []
    assert (dossier.status, dossier.verification.answer) == (Status.REGISTERED, Answer.VERIFIED)


def test_a_dossier_in_another_status_stays_when_its_identity_is_rejected() -> None:
    dossier = submitted()
    list(dossier.expire_attachment(dossier.attachments[0].id, later(1)))
    assert list(dossier.reject_identity(dossier.verification.id, later(2))) == []
    assert dossier.status is Status.SUPPLEMENT_REQUESTED
    assert dossier.verification.answer is Answer.REJECTED


@pytest.mark.parametrize("begin", [submitted, accepted])
@pytest.mark.parametrize("cause", ["infected", "expired"])
def test_a_paper_that_cannot_be_used_asks_for_another(begin: Callable[[], Dossier], cause: str) -> None:
    dossier = begin()
    before = dossier.status
    paper = dossier.attachments[0].id
    facts = list(
        dossier.record_verdict(paper, "infected", later(9))
        if cause == "infected"
        else dossier.expire_attachment(paper, later(9))
    )
    (moved,) = changes(facts)
    assert (moved.previous, moved.status, moved.reason) == (before, Status.SUPPLEMENT_REQUESTED, "attachment-unusable")
    assert moved.receipt is not None
    assert moved.receipt.form == "CT05"
    told = [fact for fact in facts if isinstance(fact, NotificationAsked)]
    assert [(one.notification.occasion, one.reason) for one in told] == [("supplement-requested", UNUSABLE_PAPER)] * 2


def test_two_papers_that_cannot_be_used_ask_once() -> None:
    papers = (attachment(), attachment())
    dossier = submitted(attachments=papers)
    facts = [
        *dossier.record_verdict(papers[0].id, "infected", later(1)),
        *dossier.expire_attachment(papers[1].id, later(2)),
    ]
    assert len(changes(facts)) == 1
    assert len(facts) == 3


def test_a_refused_dossier_stays_refused() -> None:
    dossier = submitted()
    list(dossier.refuse(OFFICER, later(1), "Thiếu chữ ký"))
    paper = dossier.attachments[0].id
    assert list(dossier.record_verdict(paper, "infected", later(2))) == []
    assert list(dossier.expire_attachment(paper, later(3))) == []
    assert list(dossier.reject_identity(dossier.verification.id, later(4))) == []
    assert dossier.status is Status.REFUSED
    assert MOVES[Status.REFUSED] == frozenset()


def test_a_verdict_may_come_before_the_paper_was_stored() -> None:
    dossier = submitted()
    paper = dossier.attachments[0]
    list(dossier.record_verdict(paper.id, "clean", later(1)))
    dossier.keep_attachment(paper.id, paper.sha256, later(2))
    assert (dossier.attachments[0].verdict, dossier.attachments[0].stored_at) == ("clean", later(2))


def test_the_latest_verdict_counts() -> None:
    dossier = submitted()
    paper = dossier.attachments[0].id
    list(dossier.record_verdict(paper, "clean", later(5)))
    assert list(dossier.record_verdict(paper, "infected", later(4))) == []
    assert dossier.attachments[0].verdict == "clean"


def test_what_storage_kept_must_be_what_was_submitted() -> None:
    dossier = submitted()
    with pytest.raises(ContentDiffers):
        dossier.keep_attachment(dossier.attachments[0].id, "b2" * 32, later(1))


def test_a_paper_or_notification_of_nobody_is_refused() -> None:
    dossier = submitted()
    for act in (
        lambda: dossier.keep_attachment(uuid4(), "a1" * 32, MOMENT),
        lambda: list(dossier.record_verdict(uuid4(), "clean", MOMENT)),
        lambda: list(dossier.expire_attachment(uuid4(), MOMENT)),
    ):
        with pytest.raises(UnknownAttachment):
            act()
    with pytest.raises(UnknownNotification):
        dossier.settle_notification(uuid4(), None, MOMENT)


@pytest.mark.parametrize(
    ("reasons", "state"),
    [
        ([None], "delivered"),
        (["expired"], "failed"),
        (["unknown", None], "delivered"),
        ([None, "unknown"], "delivered"),
        (["expired", "rejected"], "failed"),
    ],
)
def test_what_was_delivered_stays_delivered(reasons: list[str | None], state: str) -> None:
    dossier = submitted()
    notification = dossier.notifications[0].id
    for second, reason in enumerate(reasons):
        dossier.settle_notification(notification, reason, later(second))
    assert dossier.notifications[0].state == state
    assert dossier.version == 1


def test_an_officer_accepts_what_is_ready() -> None:
    dossier = ready()
    facts = list(dossier.accept(OFFICER, later(3), DUE, take_not_scanned=False))
    (moved,) = changes(facts)
    assert (moved.previous, moved.status, moved.actor) == (Status.REGISTERED, Status.ACCEPTED, OFFICER)
    assert moved.receipt is not None
    assert (moved.receipt.form, moved.receipt.number, moved.receipt.due_at) == ("CT04", f"{CODE}/01-CT04", DUE)
    told = [fact for fact in facts if isinstance(fact, NotificationAsked)]
    assert [(one.notification.occasion, one.due_at, one.reason) for one in told] == [("accepted", DUE, None)] * 2


@pytest.mark.parametrize(
    ("answer", "verdict", "take_not_scanned", "missing"),
    [
        ("verified", "clean", False, ()),
        ("verified", "not-scanned", True, ()),
        ("verified", "not-scanned", False, ("attachment-not-scanned",)),
        ("verified", None, True, ("attachment-awaited",)),
        ("verified", "puzzling", True, ("attachment-unusable",)),
        ("awaited", "clean", True, ("identity-awaited",)),
        ("rejected", "clean", True, ("identity-rejected",)),
        ("awaited", None, True, ("identity-awaited", "attachment-awaited")),
    ],
)
def test_accepting_needs_both_facts(
    answer: str, verdict: str | None, *, take_not_scanned: bool, missing: tuple[str, ...]
) -> None:
    paper = attachment(verdict=verdict, verdict_at=MOMENT if verdict else None)
    dossier = submitted(attachments=(paper,), verification=Verification(uuid4(), Answer(answer)))
    assert dossier.missing(take_not_scanned=take_not_scanned) == missing
    if missing:
        with pytest.raises(NotReady) as refused:
            list(dossier.accept(OFFICER, later(1), DUE, take_not_scanned=take_not_scanned))
        assert refused.value.missing == missing
        assert (dossier.status, dossier.due_at) == (Status.REGISTERED, None)
    else:
        list(dossier.accept(OFFICER, later(1), DUE, take_not_scanned=take_not_scanned))


@pytest.mark.parametrize("act", ["accept", "refuse"])
def test_nobody_decides_twice(act: str) -> None:
    dossier = accepted()
    facts = (
        dossier.accept(OFFICER, later(9), DUE, take_not_scanned=True)
        if act == "accept"
        else dossier.refuse(OFFICER, later(9), "Không")
    )
    with pytest.raises(WrongStatus) as refused:
        list(facts)
    assert refused.value.status is Status.ACCEPTED


def test_a_move_heard_of_late_does_not_come_before_an_earlier_one() -> None:
    dossier = accepted()
    (moved,) = changes(dossier.record_verdict(dossier.attachments[0].id, "infected", later(2.5)))
    assert moved.at == later(3)


def test_every_move_has_a_form_and_a_version() -> None:
    for targets in MOVES.values():
        assert targets <= set(FORMS)
    dossier = accepted()
    list(dossier.expire_attachment(dossier.attachments[0].id, later(9)))
    assert [change.version for change in dossier.changes] == [2, 3]
    assert dossier.version == 3
    assert [one.receipt.number for one in dossier.changes if one.receipt] == [f"{CODE}/01-CT04", f"{CODE}/02-CT05"]


def test_a_copy_does_not_change_with_the_dossier() -> None:
    """The chassis undoes a handler that raised by going back to a copy."""
    dossier = submitted()
    before, as_it_was = copy.copy(dossier), asdict(dossier)
    list(dossier.reject_identity(dossier.verification.id, later(1)))
    dossier.settle_notification(dossier.notifications[0].id, None, later(2))
    assert asdict(before) == as_it_was
    assert asdict(dossier) != as_it_was


def test_no_contact_shows_in_a_log() -> None:
    dossier = submitted()
    facts: list[Any] = [*dossier.reject_identity(dossier.verification.id, later(1))]
    for shown in (repr(dossier), repr(facts), repr(VerificationAsked(dossier.id, uuid4(), identity(), MOMENT))):
        assert "an@example.com" not in shown
        assert "84951234567" not in shown
        assert "003199000001" not in shown
        assert "Nguyễn" not in shown
