"""Every example on the topics that dossier reads goes through its handlers twice; the second time nothing follows."""

from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest

from hoso_chassis.consequences import Consequence
from hoso_contracts import TOPICS, Event
from hoso_contracts.dossier import DossierEvent, DossierRefused, DossierSupplementRequested, NotificationRequested
from hoso_dossier.domain import Dossier
from hoso_dossier.handlers import inbound
from hoso_dossier.values import Notification, Status, Verification
from support.contract_files import Example, examples_of
from support.dossier_samples import attachment, submitted

EXAMPLES = [example for topic in inbound.topics for example in examples_of(topic)]
LEADS_TO: dict[str, tuple[type[Event], ...]] = {
    "hoso.identity.rejected.v1": (DossierRefused, NotificationRequested, NotificationRequested),
    "hoso.attachment.expired.v1": (DossierSupplementRequested, NotificationRequested, NotificationRequested),
    "hoso.attachment.scanned.v1.infected": (DossierSupplementRequested, NotificationRequested, NotificationRequested),
}
DECIDED = [Status.REFUSED, Status.SUPPLEMENT_REQUESTED]

every_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)


def handle(event: Event, dossier: Dossier) -> list[Consequence]:
    """What the registered handler makes of it."""
    return list(inbound.routes[event.type].handler(event, dossier))


def dossier_of(event: Event, status: Status = Status.REGISTERED) -> Dossier:
    """The dossier that an example is about, with the question, the paper or the notification that it names."""
    told: Any = event
    dossier = submitted(
        id=event.dossier_id,
        verification=Verification(getattr(told, "verification_id", uuid4())),
        attachments=(
            attachment(id=getattr(told, "attachment_id", uuid4()), sha256=getattr(told, "sha256", "a1" * 32)),
        ),
    )
    dossier.status = status
    if hasattr(event, "notification_id"):
        asked = Notification(told.notification_id, told.channel, told.occasion, "dossier-any", dossier.submitted_at)
        dossier.notifications += (asked,)
    return dossier


def test_there_are_examples_of_everything_that_has_a_handler() -> None:
    assert {example.type for example in EXAMPLES} == set(inbound.routes)
    assert set(LEADS_TO) <= {example.name for example in EXAMPLES}


@every_example
def test_an_example_is_about_the_dossier_that_is_loaded(example: Example) -> None:
    assert inbound.routes[example.type].of(example.event) == example.event.dossier_id


@every_example
def test_an_example_has_its_effect_once(example: Example) -> None:
    dossier = dossier_of(example.event)
    untouched = deepcopy(dossier)
    first = handle(example.event, dossier)
    assert tuple(type(one) for one in first) == LEADS_TO.get(example.name, ())
    assert dossier != untouched
    assert len(dossier.entries) == 1 + bool(first)
    before = deepcopy(dossier)
    assert handle(example.event, dossier) == []
    assert dossier == before


@every_example
@pytest.mark.parametrize("status", DECIDED)
def test_an_example_moves_no_dossier_that_was_decided_on(example: Example, status: Status) -> None:
    dossier = dossier_of(example.event, status)
    assert handle(example.event, dossier) == []
    before = deepcopy(dossier)
    assert handle(example.event, dossier) == []
    assert dossier == before
    assert dossier.status is status


def test_the_topics_say_what_dossier_reads_and_writes() -> None:
    assert all("dossier" in TOPICS[topic].consumers for topic in inbound.topics)
    assert TOPICS[DossierEvent.topic].producers == ("dossier",)
    read = {name for topic in inbound.topics for name in TOPICS[topic].types}
    assert read == set(inbound.routes)
