"""Every example on the topics that identity reads goes through its handlers twice; the second time nothing follows."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from hoso_chassis.consequences import Consequence, Work
from hoso_contracts import TOPICS, Event
from hoso_contracts.identity import IdentityEvent, IdentityRejected, IdentityVerified
from hoso_identity.domain import Verdict, Verification
from hoso_identity.handlers import inbound
from hoso_identity.matching import Declaration
from hoso_identity.verifying import VERIFY, Finding, record_verdict, stop_asking
from support.contract_files import Example, examples_of

EXAMPLES = [example for topic in inbound.topics for example in examples_of(topic)]
LATER = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def handle(event: Event, verification: Verification) -> list[Consequence]:
    """What the registered handler makes of it."""
    return list(inbound.routes[event.type].handler(event, verification))


def fresh(event: Event) -> Verification:
    return Verification(inbound.routes[event.type].of(event))


def test_there_are_examples_and_each_has_a_handler() -> None:
    assert len(EXAMPLES) >= 2
    assert {example.type for example in EXAMPLES} == set(inbound.routes)


@every_example
def test_an_example_asks_the_register_once(example: Example) -> None:
    event: Any = example.event
    verification = fresh(event)
    (work,) = handle(event, verification)
    declared = Declaration(
        identity_number=event.identity_number, full_name=event.full_name, date_of_birth=event.date_of_birth
    )
    assert work == Work(VERIFY, str(event.dossier_id), event.verification_id, declared)
    before = deepcopy(verification)
    assert handle(event, verification) == []
    assert verification == before


@every_example
@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_an_example_that_was_answered_gets_the_same_answer(example: Example, verdict: Verdict) -> None:
    verification = fresh(example.event)
    (work,) = handle(example.event, verification)
    assert isinstance(work, Work)
    assert isinstance(work.payload, Declaration)
    (answer,) = record_verdict(work.payload, Finding(verdict, LATER), verification)
    before = deepcopy(verification)
    assert handle(example.event, verification) == [answer]
    assert handle(example.event, verification) == [answer]
    assert verification == before
    assert list(record_verdict(work.payload, Finding(verdict, LATER), verification)) == []


@every_example
def test_an_example_given_up_is_asked_once_more(example: Example) -> None:
    verification = fresh(example.event)
    (work,) = handle(example.event, verification)
    assert isinstance(work, Work)
    assert isinstance(work.payload, Declaration)
    list(stop_asking(work.payload, "expired", verification))
    assert handle(example.event, verification) == [work]
    assert handle(example.event, verification) == []


def test_the_topics_say_what_identity_reads_and_writes() -> None:
    assert all("identity" in TOPICS[topic].consumers for topic in inbound.topics)
    topic = TOPICS[IdentityEvent.topic]
    assert set(topic.types) == {IdentityVerified.type, IdentityRejected.type}
    assert topic.producers == ("identity",)
