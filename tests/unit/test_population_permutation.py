"""The keyed permutation: a bijection of exactly its range, both ways, whatever the size and the key."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoso_population_mock.permutation import Permutation

keys = st.binary(max_size=40)


@given(st.integers(1, 700), keys)
def test_every_number_is_reached_once(size: int, key: bytes) -> None:
    permutation = Permutation(size, key)
    assert sorted(permutation.forward(value) for value in range(size)) == list(range(size))


@given(st.integers(1, 10_000_000), keys, st.data())
def test_back_and_forth_is_where_it_was(size: int, key: bytes, data: st.DataObject) -> None:
    permutation = Permutation(size, key)
    value = data.draw(st.integers(0, size - 1))
    assert permutation.inverse(permutation.forward(value)) == value
    assert permutation.forward(permutation.inverse(value)) == value


@pytest.mark.parametrize("outside", [-1, 10, 11])
def test_what_is_outside_is_refused_both_ways(outside: int) -> None:
    permutation = Permutation(10, b"key")
    for direction in (permutation.forward, permutation.inverse):
        with pytest.raises(IndexError):
            direction(outside)


def test_a_permutation_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Permutation(0, b"key")


def test_the_key_chooses_the_permutation() -> None:
    one, other = (Permutation(10_000, key) for key in (b"one", b"two"))
    assert sum(one.forward(value) == other.forward(value) for value in range(10_000)) < 20


def test_neighbours_do_not_stay_neighbours() -> None:
    permutation = Permutation(1_000_000, b"key")
    places = [permutation.forward(value) for value in range(1000)]
    assert sum(abs(after - before) < 1000 for before, after in pairwise(places)) < 20
