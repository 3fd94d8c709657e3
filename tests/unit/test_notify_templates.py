"""What citizens read: every text, by every channel, with every set of parameters."""

import re
from datetime import UTC, datetime
from itertools import product
from unicodedata import is_normalized, normalize

import pytest

from hoso_contracts.dossier import NotificationParameters
from hoso_notify.segments import segment
from hoso_notify.templates import Texts, every_text, find, in_viet_nam

DUE = datetime(2026, 11, 27, 10, tzinfo=UTC)
REASON = "Thiếu giấy tờ chứng minh chỗ ở hợp pháp"
CODE = "G01.999.000.000-261124-0001"
LONGEST_CODE = "G01.999.000.000-261124-123456789"
FORMS = {"submitted": "", "accepted": "CT04", "refused": "CT06", "supplement-requested": "CT05"}
TEXTS = [f"dossier-{name}/v1" for name in FORMS]
PORTAL = "https://portal.example"


def parameters(
    code: str = CODE, due_at: datetime | None = None, reason: str | None = None, name: str = "Đăng ký tạm trú"
) -> NotificationParameters:
    return NotificationParameters(
        dossier_code=code, procedure_code="1.004194", procedure_name=name, due_at=due_at, reason=reason
    )


EVERY = [parameters(CODE, due, why) for due, why in product((None, DUE), (None, REASON))]


def test_every_template_speaks_by_both_channels() -> None:
    assert every_text() == {"email": tuple(sorted(TEXTS)), "sms": tuple(sorted(TEXTS))}


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_template_is_found_by_name_and_by_name_and_version(channel: str) -> None:
    assert find("dossier-submitted", channel) == find("dossier-submitted.v1", channel) == "dossier-submitted/v1"


@pytest.mark.parametrize(
    ("template", "channel"),
    [
        ("dossier-submitted", "zalo"),
        ("dossier-praised", "sms"),
        ("dossier-submitted.v9", "sms"),
        ("closing", "email"),  # a piece of texts, no text
        ("..", "email"),
    ],
)
def test_what_there_is_no_text_for_is_not_found(template: str, channel: str) -> None:
    assert find(template, channel) is None


@pytest.mark.parametrize("given", EVERY)
@pytest.mark.parametrize("portal", [None, PORTAL])
@pytest.mark.parametrize("text", TEXTS)
def test_every_mail_is_whole(text: str, portal: str | None, given: NotificationParameters) -> None:
    letter = Texts(portal).letter(text, given)
    assert CODE in letter.subject
    assert "\n" not in letter.subject
    assert letter.text.startswith("Kính gửi Ông/Bà,\n\n")
    assert letter.text.count(f"Mã hồ sơ: {CODE}\n") == 1
    assert "Thủ tục: Đăng ký tạm trú (mã 1.004194)" in letter.text
    assert "Việc tiếp theo:\n- " in letter.text
    assert "xin Ông/Bà không trả lời" in letter.text
    assert (PORTAL in letter.text) == (portal is not None)
    assert FORMS[text.removeprefix("dossier-").removesuffix("/v1")] in letter.text
    for whole in (letter.subject, letter.text):
        assert is_normalized("NFC", whole)
        assert not re.search(r"None|\{\{|\{%|\n\n\n| \n|  ", whole)


@pytest.mark.parametrize("given", EVERY)
@pytest.mark.parametrize("text", TEXTS)
def test_every_sms_without_accents_is_one_part(text: str, given: NotificationParameters) -> None:
    for code in (CODE, LONGEST_CODE):
        line = Texts(PORTAL).sms(text, given.model_copy(update={"dossier_code": code}))
        segmented = segment(line)
        assert line.isascii()
        assert line.isprintable()
        assert (segmented.encoding, len(segmented.parts)) == ("gsm-7", 1)
        assert f"Ho so {code} " in line
        assert not set(line) & set("@$_^{}\\[~]|#&")  # letters that the alphabets and gateways do not agree on
        assert "None" not in line


@pytest.mark.parametrize("given", EVERY)
@pytest.mark.parametrize("text", TEXTS)
def test_every_sms_with_accents_is_two_parts(text: str, given: NotificationParameters) -> None:
    line = Texts(sms_accents=True).sms(text, given)
    segmented = segment(line)
    assert (segmented.encoding, len(segmented.parts)) == ("ucs-2", 2)
    assert is_normalized("NFC", line)


@pytest.mark.parametrize("text", TEXTS)
def test_an_sms_holds_neither_reason_nor_link(text: str) -> None:
    for accents in (False, True):
        line = Texts(PORTAL, accents).sms(text, parameters(reason="Nguyễn Văn An 003090000001"))
        assert "003090000001" not in line
        assert "Nguy" not in line
        assert "http" not in line


def test_a_due_date_is_told_in_the_time_of_viet_nam() -> None:
    assert in_viet_nam(datetime(2026, 12, 31, 17, 5, tzinfo=UTC)) == "00:05 ngày 01/01/2027"
    given = parameters(due_at=DUE)
    assert (
        "Hẹn trả kết quả: 17:00 ngày 27/11/2026 (giờ Việt Nam)\n" in Texts().letter("dossier-accepted/v1", given).text
    )
    assert "Hen tra ket qua: 17:00 ngay 27/11/2026." in Texts().sms("dossier-accepted/v1", given)


def test_a_reason_is_told_in_the_mail() -> None:
    given = parameters(reason=REASON)
    assert f"Lý do: {REASON}\n" in Texts().letter("dossier-refused/v1", given).text
    assert f"Nội dung cần bổ sung: {REASON}\n" in Texts().letter("dossier-supplement-requested/v1", given).text


def test_who_is_asked_for_papers_is_not_sent_where_no_way_leads() -> None:
    """Out of status 5 no way leads yet: the agency gets in touch, or a new dossier is submitted."""
    text = "dossier-supplement-requested/v1"
    letter = Texts(PORTAL).letter(text, parameters(reason=REASON)).text
    for told in (letter, Texts(sms_accents=True).sms(text, parameters())):
        assert "Cập nhật" not in told
        assert "Cơ quan có thẩm quyền sẽ liên hệ" in told
        assert "có thể nộp hồ sơ mới" in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("submitted", "đã được nộp"),
        ("accepted", "đã được tiếp nhận"),
        ("refused", "không được tiếp nhận"),
    ],
)
def test_subject_mail_and_sms_say_what_happened_in_the_same_words(name: str, words: str) -> None:
    letter = Texts().letter(f"dossier-{name}/v1", parameters())
    for told in (letter.subject, letter.text, Texts(sms_accents=True).sms(f"dossier-{name}/v1", parameters())):
        assert words in told


def test_what_comes_decomposed_is_sent_composed() -> None:
    given = parameters(reason=normalize("NFD", REASON), name=normalize("NFD", "Đăng ký tạm trú"))
    assert Texts().letter("dossier-refused/v1", given) == Texts().letter(
        "dossier-refused/v1", parameters(reason=REASON)
    )


def test_a_reason_is_data_and_no_template() -> None:
    given = parameters(reason="{{ code }} {% if %}")
    assert "Lý do: {{ code }} {% if %}\n" in Texts().letter("dossier-refused/v1", given).text
