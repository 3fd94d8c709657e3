"""What a mail looks like on the way: headers decode back, nothing is smuggled in, the Message-ID is stable."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_contracts.dossier import NotificationParameters
from hoso_notify.email import compose
from hoso_notify.policy import NotWritable
from hoso_notify.templates import Letter, Texts

SENDER = Address("Dịch vụ công trực tuyến", "no-reply", "hoso.example")
ID = UUID("01930f5e-6f00-7000-8000-000000000001")
AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LETTER = Texts().letter(
    "dossier-submitted/v1",
    NotificationParameters(
        dossier_code="G01.999.000.000-261124-0001", procedure_code="1.004194", procedure_name="Đăng ký tạm trú"
    ),
)


def read(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_headers_and_text_decode_back() -> None:
    raw = compose(SENDER, ID, "an@mail.example", LETTER, AT)
    mail = read(raw)
    assert mail["Subject"] == "Hồ sơ G01.999.000.000-261124-0001: đã được nộp"
    assert mail["From"].addresses == (SENDER,)
    assert mail["To"] == "an@mail.example"
    assert mail["Message-ID"] == f"<{ID}@hoso.example>"
    assert mail["Date"].datetime == AT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "vi"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text


def test_a_mail_goes_over_any_server() -> None:
    raw = compose(SENDER, ID, "an@mail.example", LETTER, AT)
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_message_id_is_the_same_each_time() -> None:
    later = datetime(2026, 11, 25, tzinfo=UTC)
    first, second = (read(compose(SENDER, ID, "an@mail.example", LETTER, at)) for at in (AT, later))
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize("subject", ["a\r\nBcc: all@mail.example", "a\nb", "a\rb"])
def test_a_line_break_in_a_header_is_refused(subject: str) -> None:
    with pytest.raises(NotWritable):
        compose(SENDER, ID, "an@mail.example", Letter(subject, "x"), AT)


@pytest.mark.parametrize(
    "recipient", ["an@mail.example\r\nBcc: all@mail.example", "an@mail.example, b@c.example", "an"]
)
def test_a_recipient_is_one_address(recipient: str) -> None:
    with pytest.raises(NotWritable):
        compose(SENDER, ID, recipient, LETTER, AT)


def test_a_long_name_of_the_sender_decodes_back() -> None:
    sender = Address("Cổng dịch vụ công trực tuyến của cơ quan đăng ký cư trú", "no-reply", "hoso.example")
    mail = message_from_bytes(compose(sender, ID, "an@mail.example", LETTER, AT))
    name, address = parseaddr(mail["From"])
    assert (str(make_header(decode_header(name))), address) == (sender.display_name, sender.addr_spec)


def test_a_sender_may_have_no_name() -> None:
    sender = Address("", "no-reply", "hoso.example")
    assert read(compose(sender, ID, "an@mail.example", LETTER, AT))["From"].addresses == (sender,)


@pytest.mark.parametrize("name", ['Hoso, "portal"', "Hoso (portal); a <b@c.vn>", "Dịch vụ, công"])
def test_a_name_of_the_sender_is_no_syntax(name: str) -> None:
    sender = Address(name, "no-reply", "hoso.example")
    assert read(compose(sender, ID, "an@mail.example", LETTER, AT))["From"].addresses == (sender,)


@given(st.text(alphabet="aăâđêôơưẫ 😀.:-1", min_size=1, max_size=200).map(lambda text: " ".join(text.split())))
def test_any_subject_decodes_back(subject: str) -> None:
    """The newer half of the standard library lost a space in the subject of every second dossier."""
    assert read(compose(SENDER, ID, "an@mail.example", Letter(subject, "x"), AT))["Subject"] == subject
