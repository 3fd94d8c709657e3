"""Every example of a record that storage listens to goes through its handler twice; it says nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

import pytest

from hoso_contracts.dossier import AttachmentCheckRequested, DossierSubmitted
from hoso_contracts.event import Event
from hoso_contracts.storage import AttachmentEvent, AttachmentExpired, AttachmentScanned, AttachmentStored
from hoso_contracts.topics import TOPICS
from hoso_storage.domain import Attachment, DraftFiles
from hoso_storage.handlers import answer_again, bind_attachments, inbound

AT = datetime(2026, 11, 24, 2, 15, tzinfo=UTC)
E = TypeVar("E", bound=Event)


def examples(kind: type[E]) -> Iterator[E]:
    folder = files("hoso_contracts").joinpath("examples")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.startswith(kind.type):
            yield kind.model_validate_json(file.read_bytes())


def files_of(event: DossierSubmitted | AttachmentCheckRequested) -> DraftFiles:
    """The draft as if every file named had been uploaded."""
    return DraftFiles(
        event.dossier_id,
        MappingProxyType(
            {
                one.attachment_id: Attachment(
                    one.attachment_id,
                    event.dossier_id,
                    one.component,
                    "p-1",
                    one.sha256,
                    1024,
                    "application/pdf",
                    AT,
                    "stored",
                )
                for one in event.attachments
            }
        ),
    )


def test_there_are_examples_with_papers_and_without() -> None:
    assert {bool(event.attachments) for event in examples(DossierSubmitted)} == {True, False}


@pytest.mark.parametrize("event", list(examples(DossierSubmitted)), ids=lambda event: event.code)
def test_an_example_binds_its_papers_once(event: DossierSubmitted) -> None:
    draft = files_of(event)
    first = list(bind_attachments(event, draft))
    assert len([one for one in first if isinstance(one, AttachmentStored)]) == len(event.attachments)
    assert len(first) == 2 * len(event.attachments)
    assert list(bind_attachments(event, draft)) == []


@pytest.mark.parametrize("event", list(examples(DossierSubmitted)), ids=lambda event: event.code)
def test_an_example_whose_papers_are_gone_tells_each_once(event: DossierSubmitted) -> None:
    draft = DraftFiles(event.dossier_id)
    first = list(bind_attachments(event, draft))
    assert [type(one) for one in first] == [AttachmentExpired] * len(event.attachments)
    assert list(bind_attachments(event, draft)) == []


@pytest.mark.parametrize("event", list(examples(AttachmentCheckRequested)), ids=lambda event: len(event.attachments))
def test_an_example_that_asks_again_binds_what_was_not_and_then_tells_the_same(event: AttachmentCheckRequested) -> None:
    draft = files_of(event)
    first, again, once_more = (list(answer_again(event, draft)) for _ in range(3))
    assert len(first) == 2 * len(event.attachments)
    assert {one.state for one in draft.attachments.values()} == {"bound"}
    assert first == again == once_more


def test_the_topics_say_what_storage_reads_and_writes() -> None:
    heard: tuple[type[Event], ...] = (DossierSubmitted, AttachmentCheckRequested)
    assert set(inbound.routes) == {one.type for one in heard}
    assert all("storage" in TOPICS[one.topic].consumers for one in heard)
    written: tuple[type[Event], ...] = (AttachmentStored, AttachmentScanned, AttachmentExpired)
    topic = TOPICS[AttachmentEvent.topic]
    assert set(topic.types) == {one.type for one in written}
    assert topic.producers == ("storage",)
