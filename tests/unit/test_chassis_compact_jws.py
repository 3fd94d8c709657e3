"""The outside of tokens and receipts: whatever stands in a header, it is read or refused, never an error of ours."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_chassis.compact_jws import header_of

HEADER: dict[str, Any] = {"alg": "Ed25519", "kid": "k", "typ": "JWT"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
)


def encoded(header: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def test_a_header_is_read() -> None:
    assert header_of(f"{encoded(HEADER)}.e30.AA") == HEADER
    assert header_of(f"{encoded(HEADER)}..") == HEADER


@pytest.mark.parametrize("header", [["alg"], "alg", 5, None, True, [["alg", "Ed25519"]]])
def test_a_header_that_is_no_object_is_refused(header: object) -> None:
    with pytest.raises(ValueError, match="another kind"):
        header_of(f"{encoded(header)}.e30.AA")


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], [1], [[]], [None], None, 5, True, "b64", {"b64": True}])
@pytest.mark.parametrize("b64", [{}, {"b64": False}, {"b64": True}])
def test_a_header_that_must_be_understood_is_refused(crit: object, b64: dict[str, bool]) -> None:
    with pytest.raises(ValueError, match="another kind"):
        header_of(f"{encoded(HEADER | {'crit': crit} | b64)}.e30.AA")


@pytest.mark.parametrize("around", ["{},", "{}=", "{} ", " {}", "{}\n", "{}.", "{}.AA", ".{}", "{}!", "{}ẩ"])
def test_nothing_stands_around_a_token(around: str) -> None:
    with pytest.raises(ValueError, match="compact"):
        header_of(around.format(f"{encoded(HEADER)}.e30.AA"))


def test_a_header_that_nests_deep_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    with pytest.raises(ValueError, match="depth limit"):
        header_of(f"{deep}.e30.AA")


@given(JSON)
def test_whatever_the_header_is_it_is_an_object_or_refused(header: object) -> None:
    try:
        found = header_of(f"{encoded(header)}.e30.AA")
    except ValueError:
        return
    assert isinstance(header, dict)
    assert "crit" not in found


@given(st.text(alphabet="abcAZ09-_.=, \n\x00ẩ"))
def test_whatever_the_text_is_it_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(header_of(text), dict)
