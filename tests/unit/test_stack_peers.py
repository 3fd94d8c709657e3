"""The peers show what a telephone shows, and the story's files are what they say."""

from dataclasses import dataclass, field

import pytest

from hoso_notify.segments import segment
from hoso_stack.inbox import Inbox
from hoso_stack.sms_peer import Centre
from hoso_stack.story import a_pdf

SHORT = "Ho so da duoc tiep nhan. {~[€"
LONG = "Ho so da duoc tiep nhan. " * 20
ACCENTS = "Hồ sơ đã được tiếp nhận. 🙂 " * 8


@dataclass
class Submit:
    """One submit_sm, as the library hands it over."""

    short_message: bytes
    data_coding: int
    esm_class: int
    destination_addr: str = "84900000000"
    source_addr: str = "DVCONG"
    answers: list[str] = field(default_factory=list[str])

    def accept(self, message_id: str) -> None:
        self.answers.append(message_id)

    def reject(self, status: int) -> None:
        self.answers.append(f"status {status}")


def submits(text: str, reference: int) -> list[Submit]:
    segmented = segment(text)
    parts = list(segmented.octets())
    coding = 0x08 if segmented.encoding == "ucs-2" else 0x00
    if len(parts) == 1:
        return [Submit(parts[0], coding, 0)]
    return [
        Submit(bytes([5, 0, 3, reference, len(parts), number]) + part, coding, 0x40)
        for number, part in enumerate(parts, 1)
    ]


@pytest.mark.parametrize(("text", "parts"), [(SHORT, 1), (LONG, 4), (ACCENTS, 4)])
def test_the_parts_of_an_sms_are_joined_whatever_order_they_come_in(text: str, parts: int) -> None:
    inbox = Inbox()
    centre = Centre(inbox)
    come = submits(text, 7)
    for one in reversed(come):
        assert not inbox.messages
        centre.take(one)
    (message,) = inbox.messages
    assert message["text"] == text
    assert message["parts"] == len(come) == parts
    assert all(len(one.answers) == 1 for one in come)


def test_two_sms_with_parts_do_not_mix() -> None:
    inbox = Inbox()
    centre = Centre(inbox)
    first, second = submits(LONG, 1), submits(ACCENTS, 2)
    for pair in zip(first, second, strict=True):
        for one in pair:
            centre.take(one)
    assert [message["text"] for message in inbox.messages] == [LONG, ACCENTS]


def test_a_peer_that_is_told_what_to_answer_does_not_take_the_next_message() -> None:
    inbox = Inbox(answers=["88"])
    (refused,), (taken,) = submits(SHORT, 1), submits(SHORT, 2)
    for one in (refused, taken):
        Centre(inbox).take(one)
    assert refused.answers == ["status 88"]
    assert [message["text"] for message in inbox.messages] == [SHORT]


@pytest.mark.parametrize("size", [1000, 5_242_880])
def test_a_pdf_has_the_size_that_was_asked_for(size: int) -> None:
    content = a_pdf(size)
    assert len(content) == size
    assert content.startswith(b"%PDF-")
