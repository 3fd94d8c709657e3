"""What a service may announce: events of its own topics that any reader will take; nothing is written here."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hoso_chassis import outbox
from hoso_chassis.consequences import NO_CAUSE
from hoso_chassis.outbox import Announcements, NotAnnounceable
from hoso_contracts.envelope import data_bytes
from support.counting import refused, verified

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_a_service_announces_on_its_own_topics_only() -> None:
    announcements = Announcements("/hoso/dossier", NOW)
    announcements.add(refused(uuid4()), NO_CAUSE)
    with pytest.raises(NotAnnounceable):
        announcements.add(verified(), NO_CAUSE)
    assert len(announcements) == 1


def test_an_event_over_the_limit_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    event = refused(uuid4())
    size = len(data_bytes(event))
    monkeypatch.setattr(outbox, "EVENT_LIMIT_BYTES", size)  # no model lets 64 KiB through
    announcements = Announcements("/hoso/dossier", NOW)
    announcements.add(event, NO_CAUSE)
    monkeypatch.setattr(outbox, "EVENT_LIMIT_BYTES", size - 1)
    with pytest.raises(NotAnnounceable, match=r"hoso\.dossier\.refused\.v1"):
        announcements.add(event, NO_CAUSE)
