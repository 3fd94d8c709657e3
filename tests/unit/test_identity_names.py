"""Which spellings are one name, and which are two; the vectors are synthetic."""

import unicodedata
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_identity.names import comparison_key, same_name

TONES = "\u0300\u0301\u0309\u0303\u0323"
# Onsets of open syllables; "q" and "gi" are not among them, on purpose.
ONSETS = ("", "b", "ch", "đ", "g", "h", "kh", "l", "m", "ng", "ngh", "nh", "s", "t", "th", "tr", "x", "h'")
Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = get_args(Form)


def spelt(onset: str, pair: str, tone: str, *, on_first: bool) -> str:
    first, last = pair
    return unicodedata.normalize("NFC", onset + (first + tone + last if on_first else first + last + tone))


def in_case(text: str, upper: tuple[bool, ...]) -> str:
    flags = upper * (len(text) // len(upper) + 1)
    return "".join(letter.upper() if flag else letter.lower() for letter, flag in zip(text, flags, strict=False))


cases = st.one_of(st.just((True,)), st.just((False,)), st.lists(st.booleans(), min_size=1, max_size=6).map(tuple))
forms = st.sampled_from(FORMS)
syllables = st.tuples(st.sampled_from(ONSETS), st.sampled_from(("oa", "oe", "uy")), st.sampled_from(TONES))
names = st.one_of(
    st.text(),
    st.text(
        alphabet="aoeuyiqghđðĐÐHOAUY ’\u02bc\u0149"
        "\u0300\u0301\u0309\u0303\u0323\u0302\u031b\u0306\u200b\u200d\u00ad\u00a0\u3000"
    ),
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hòa", "Hoà"),
        ("Nguyễn Thị Hòa", "NGUYỄN THỊ HOÀ"),
        ("Nguyễn Thị Hòa", unicodedata.normalize("NFD", "nguyễn thị hoà")),
        ("Khỏe", "Khoẻ"),
        ("Thủy", "Thuỷ"),
        ("Lũy", "Luỹ"),
        ("Thụy", "Thuỵ"),
        ("Túy", "Tuý"),
        ("Đỗ", "Ðỗ"),  # U+0110, U+00D0
        ("đỗ", "ðỗ"),  # U+0111, U+00F0
        ("Đỗ", "ðỖ"),
        ("Trần Văn An", "  Trần\u00a0Văn\u3000\u2009 An\t\u2028"),
        ("Trần Văn An", "Tr\u200bần V\u00adăn\ufeff \u200fAn\u202c\u2069\u2060"),
        ("Hoà", "Ho\u0061\u200d\u0300"),  # a joiner between letter and mark
        ("Hoà", "Hoa\u034f\u0300"),  # a grapheme joiner too
        ("H'Hòa Niê", "h'hoà niê"),
        ("H'Wen", "H’WEN"),
        ("H'Hòa", "Hʼhoà"),
        ("Hòa-Bình", "Hoà-Bình"),
        ("Sang", "SANG"),  # one word is a name
        ("Y Ƀlik Mlô", "y ƀlik mlô"),  # letters outside the Vietnamese alphabet
        ("K'Brĕ", "K'BRĔ"),
        ("ſ\u0323a", "Ṣa"),  # folding makes letters that compose
    ],
)
def test_these_are_one_name(one: str, other: str) -> None:
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mỹ", "Mĩ"),  # i and y are different legal names
        ("Lý", "Lí"),
        ("Thúy", "Thúi"),
        ("Hòa", "Hoa"),
        ("Hòa", "Hóa"),
        ("Đỗ", "Dỗ"),
        ("Quý", "Qúy"),  # the u belongs to "qu": one of the two is no spelling at all
        ("Giòa", "Gioà"),  # the i belongs to "gi"
        ("Hoàng", "Hòang"),  # closed syllables have one place for the tone
        ("Hoài", "Hòai"),
        ("Khuỷu", "Khủyu"),
        ("Trần Văn An", "Trần An Văn"),
        ("Trần Văn An", "TrầnVăn An"),
        ("Trần Văn An", "Trần Văn"),
        ("Nguyễn", "Nguyên"),
        ("An", "Ân"),
        ("Ƀlik", "Blik"),
    ],
)
def test_these_are_two_names(one: str, other: str) -> None:
    assert not same_name(one, other)


@pytest.mark.parametrize("nothing", ["", " ", "\u200b", "\u00a0\ufeff", "\u00ad \u200e", "\u3164\u115f"])
def test_a_name_without_a_letter_is_nobodys(nothing: str) -> None:
    assert not same_name(nothing, nothing)


@given(names)
def test_the_key_of_a_key_is_the_key(name: str) -> None:
    key = comparison_key(name)
    assert comparison_key(key) == key


@given(names)
def test_composed_and_decomposed_are_equal(name: str) -> None:
    keys = {comparison_key(unicodedata.normalize(form, name)) for form in FORMS}
    assert keys == {comparison_key(name)}


@given(syllables, cases, cases, forms, forms)
def test_old_and_new_place_of_the_tone_are_equal(
    syllable: tuple[str, str, str],
    one_case: tuple[bool, ...],
    other_case: tuple[bool, ...],
    one_form: Form,
    other_form: Form,
) -> None:
    one = unicodedata.normalize(one_form, in_case(spelt(*syllable, on_first=True), one_case))
    other = unicodedata.normalize(other_form, in_case(spelt(*syllable, on_first=False), other_case))
    assert comparison_key(f"Trần {one} An") == comparison_key(f"trần {other} an")
    assert comparison_key(one) == comparison_key(other)


@given(syllables, syllables)
def test_different_syllables_stay_different(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    same = comparison_key(spelt(*one, on_first=True)) == comparison_key(spelt(*other, on_first=False))
    assert same == (one == other)


@given(st.sampled_from(TONES), cases, forms)
def test_after_q_the_tone_stays_where_it_is(tone: str, case: tuple[bool, ...], form: Form) -> None:
    name = unicodedata.normalize(form, in_case(spelt("q", "uy", tone, on_first=False), case))
    assert comparison_key(name) == spelt("q", "uy", tone, on_first=False)


@given(names, st.sampled_from("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u061c\ufe0f"), st.integers(min_value=0))
def test_what_has_no_width_changes_nothing(name: str, invisible: str, place: int) -> None:
    at = place % (len(name) + 1)
    assert comparison_key(name[:at] + invisible + name[at:]) == comparison_key(name)


@given(names, st.sampled_from("\u00a0\u1680\u2003\u2009\u202f\u205f\u3000\u2028\u0085\t"))
def test_every_space_is_a_space(name: str, space: str) -> None:
    assert comparison_key(f"{name}{space}{space}An") == comparison_key(f"{name} An")
