"""What follows from a question, from an answer and from none: called as plain functions."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from hoso_chassis.consequences import Work
from hoso_contracts.dossier import IdentityVerificationRequested
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_identity.domain import AnotherDossier, Verdict, Verification
from hoso_identity.handlers import inbound, verify_identity
from hoso_identity.matching import Declaration, RegisteredPerson
from hoso_identity.verifying import Finding, announcement, record_verdict, stop_asking, verify_kind

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PERSON = RegisteredPerson("003090000001", "Trần Thị Hòa", date(1990, 3, 7), "day")
DECLARED = Declaration(identity_number="003090000001", full_name="TRẦN THỊ HOÀ", date_of_birth=date(1990, 3, 7))


def request(verification_id: UUID | None = None, dossier_id: UUID | None = None) -> IdentityVerificationRequested:
    return IdentityVerificationRequested(
        dossier_id=dossier_id or uuid4(),
        verification_id=verification_id or uuid4(),
        requested_at=AT,
        **DECLARED.model_dump(),
    )


def test_the_event_names_its_verification() -> None:
    event = request()
    (route,) = inbound.routes.values()
    assert route.of(event) == event.verification_id
    assert inbound.topics == ("identity.verification-requests.v1",)


def test_a_new_question_becomes_work() -> None:
    event = request()
    (work,) = verify_identity(event, Verification(event.verification_id))
    assert work == Work("verify", str(event.dossier_id), event.verification_id, DECLARED)


def test_a_question_in_work_becomes_nothing() -> None:
    event = request()
    verification = Verification(event.verification_id)
    list(verify_identity(event, verification))
    assert list(verify_identity(event, verification)) == []


def test_a_question_that_was_given_up_becomes_work_again() -> None:
    event = request()
    verification = Verification(event.verification_id)
    list(verify_identity(event, verification))
    assert list(stop_asking(DECLARED, "expired", verification)) == []
    assert [type(one) for one in verify_identity(event, verification)] == [Work]


def test_an_answered_question_is_answered_again_with_the_same_words() -> None:
    event = request()
    verification = Verification(event.verification_id)
    list(verify_identity(event, verification))
    first = list(record_verdict(DECLARED, Finding("rejected", AT), verification))
    assert list(verify_identity(event, verification)) == first
    assert list(verify_identity(event, verification)) == first


def test_a_second_result_of_the_same_question_announces_nothing() -> None:
    verification = Verification(uuid4(), uuid4(), "asked")
    assert len(list(record_verdict(DECLARED, Finding("verified", AT), verification))) == 1
    assert list(record_verdict(DECLARED, Finding("rejected", AT), verification)) == []


def test_an_id_of_another_dossier_is_refused() -> None:
    event = request()
    with pytest.raises(AnotherDossier):
        list(verify_identity(event, Verification(event.verification_id, uuid4(), "answered")))


@pytest.mark.parametrize(
    ("verdict", "field"),
    [("verified", "verified_at"), ("rejected", "rejected_at")],
)
def test_the_verdict_is_all_that_is_told(verdict: Verdict, field: str) -> None:
    verification = Verification(uuid4(), uuid4(), "asked")
    (event,) = record_verdict(DECLARED, Finding(verdict, AT), verification)
    assert isinstance(event, IdentityVerified | IdentityRejected)
    assert event.type == f"hoso.identity.{verdict}.v1"
    assert event.model_dump() == {
        "dossier_id": verification.dossier_id,
        "verification_id": verification.verification_id,
        field: AT,
    }


def test_without_a_verdict_there_is_nothing_to_announce() -> None:
    with pytest.raises(ValueError, match="without a verdict"):
        announcement(Verification(uuid4(), uuid4(), "asked"))


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (PERSON, "verified"),
        (None, "rejected"),
        (RegisteredPerson("003090000001", "Trần Thị Hoa", date(1990, 3, 7), "day"), "rejected"),
    ],
    ids=["match", "nobody", "mismatch"],
)
async def test_the_register_is_asked_by_number_and_answers_a_verdict(
    found: RegisteredPerson | None, verdict: Verdict
) -> None:
    asked: list[str] = []

    async def find(number: str) -> RegisteredPerson | None:
        asked.append(number)
        return found

    kind = verify_kind(find, lambda: AT, timeout=3, concurrency=2)
    assert await kind.perform(DECLARED) == Finding(verdict, AT)
    assert asked == ["003090000001"]


def test_a_question_survives_the_work_row() -> None:
    assert Declaration.model_validate_json(DECLARED.model_dump_json()) == DECLARED
