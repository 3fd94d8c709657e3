"""SMS segments: the standard's numbers, and that no text loses a letter."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_notify.segments import TooLong, segment

SHORT = "Ho so G01.308.000.000-220616-0100 da duoc tiep nhan"
ACCENTED = "Hồ sơ G01.308.000.000-220616-0100 đã được tiếp nhận"
GSM_7 = "Hello, world @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¡ÄÖÑÜ§¿äöñüà^{}\\[~]|€\n"


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "gsm-7", 1),
        (SHORT, "gsm-7", 1),
        (ACCENTED, "ucs-2", 1),
        ("a" * 160, "gsm-7", 1),
        ("a" * 161, "gsm-7", 2),
        ("a" * 306, "gsm-7", 2),
        ("a" * 307, "gsm-7", 3),
        ("a" * 459, "gsm-7", 3),
        ("ệ" * 70, "ucs-2", 1),
        ("ệ" * 71, "ucs-2", 2),
        ("ệ" * 134, "ucs-2", 2),
        ("ệ" * 135, "ucs-2", 3),
        ("a" * 158 + "€", "gsm-7", 1),  # an extension character costs two
        ("a" * 159 + "€", "gsm-7", 2),
        ("😀" * 35, "ucs-2", 1),  # a surrogate pair costs two
        ("😀" * 36, "ucs-2", 2),
    ],
)
def test_the_number_of_parts_is_the_standards(text: str, encoding: str, parts: int) -> None:
    segmented = segment(text)
    assert (segmented.encoding, len(segmented.parts)) == (encoding, parts)


def test_the_vector_with_accents_has_51_letters() -> None:
    assert len(ACCENTED) == len(SHORT) == 51


def test_letters_are_counted_after_nfc() -> None:
    assert len(normalize("NFD", "ệ")) == 3
    assert segment(normalize("NFD", "ệ" * 70)) == segment("ệ" * 70)


@pytest.mark.parametrize("letter", ["à", "è", "é", "ì", "ò", "ù", "É"])
def test_seven_vietnamese_letters_are_in_gsm_7(letter: str) -> None:
    assert segment(letter).encoding == "gsm-7"


@pytest.mark.parametrize("letter", "áảãạăâđêíóôơúưýÀÈĐƠ")
def test_every_other_one_makes_the_whole_text_ucs_2(letter: str) -> None:
    assert segment("ho so " + letter).encoding == "ucs-2"


def test_an_extension_character_is_not_split_over_a_boundary() -> None:
    first, second = segment("a" * 152 + "€" + "b" * 100).parts
    assert (first, second) == ("a" * 152, "€" + "b" * 100)


def test_a_surrogate_pair_is_not_split_over_a_boundary() -> None:
    first, second = segment("ệ" * 66 + "😀" + "b" * 20).parts
    assert (first, second) == ("ệ" * 66, "😀" + "b" * 20)


def test_octets_are_what_the_centre_reads() -> None:
    assert list(segment("@a€").octets()) == [b"\x00a\x1b\x65"]
    assert list(segment("ệ😀").octets()) == ["ệ😀".encode("utf-16-be")]


def test_a_text_of_more_than_255_parts_is_refused() -> None:
    assert len(segment("a" * 153 * 255).parts) == 255
    with pytest.raises(TooLong):
        segment("a" * (153 * 255 + 1))


@given(st.one_of(st.text(), st.text(alphabet=GSM_7, min_size=100), st.text(alphabet="ệ😀a\u0301", min_size=60)))
def test_no_letter_is_lost_and_every_part_fits(text: str) -> None:
    segmented = segment(text)
    assert "".join(segmented.parts) == normalize("NFC", text)
    header = 6 if len(segmented.parts) > 1 else 0
    for octets in segmented.octets():
        # GSM-7 travels packed on the air, eight septets in seven octets; the header is filled up to a septet.
        bits = len(octets) * (7 if segmented.encoding == "gsm-7" else 8)
        padding = -header * 8 % 7 if header and segmented.encoding == "gsm-7" else 0
        assert header * 8 + padding + bits <= 140 * 8
    assert len(segmented.parts) == 1 or all(segmented.parts)


@given(st.text(min_size=1))
def test_no_text_is_cut_more_often_than_it_must(text: str) -> None:
    """The first letter of each part would not have fitted into the part before."""
    segmented = segment(text)
    room, width = (153, 1) if segmented.encoding == "gsm-7" else (67, 2)
    sizes = [len(octets) // width for octets in segmented.octets()]
    letters = [
        len(next(segment(part[0]).octets())) if width == 1 else len(part[0].encode("utf-16-be")) // 2
        for part in segmented.parts
        if part
    ]
    assert all(size + letter > room for size, letter in zip(sizes, letters[1:], strict=False))
