"""A keyed bijection of whole numbers, and its inverse: it may never hold an entry for each number."""

import hashlib
import math
import sys
from array import array
from typing import Final

_ROUNDS: Final = 4
_ENTRY_BYTES: Final = 4


class Permutation:
    """A permutation of ``range(size)`` that a key chooses, computed in constant time both ways.

    It is a Feistel network over pairs (left, right) below the square root of the size, rounded up. Its round functions
    are random tables which SHAKE-256 expands from the key, so that a round is a look-up and not a hash. The square is
    a little larger than the size: a result outside is permuted again until it falls inside (cycle walking), which
    keeps the whole a bijection of exactly ``range(size)``.

    Memory: 16 bytes for each unit of the square root of the size (159 kB for 98.7 million numbers).
    """

    def __init__(self, size: int, key: bytes) -> None:
        if size < 1:
            raise ValueError("a permutation needs at least one number")
        self._size = size
        self._width = math.isqrt(size - 1) + 1
        self._tables = tuple(_random_table(key, number, self._width) for number in range(_ROUNDS))
        self._reversed_tables = self._tables[::-1]

    @property
    def size(self) -> int:
        """How many numbers are permuted."""
        return self._size

    def forward(self, value: int) -> int:
        """Return where a number goes.

        Raises:
            IndexError: the number is not in ``range(size)``.
        """
        self._check(value)
        width = self._width
        while True:
            left, right = divmod(value, width)
            for table in self._tables:
                left, right = right, (left + table[right]) % width
            value = left * width + right
            if value < self._size:
                return value

    def inverse(self, value: int) -> int:
        """Return the number that goes to this one.

        Raises:
            IndexError: the number is not in ``range(size)``.
        """
        self._check(value)
        width = self._width
        while True:
            left, right = divmod(value, width)
            for table in self._reversed_tables:
                left, right = (right - table[left]) % width, left
            value = left * width + right
            if value < self._size:
                return value

    def _check(self, value: int) -> None:
        if not 0 <= value < self._size:
            raise IndexError("outside the permuted range")


def _random_table(key: bytes, number: int, width: int) -> "array[int]":
    stream = hashlib.shake_256(len(key).to_bytes(4, "big") + key + number.to_bytes(4, "big"))
    table = array("I")
    if table.itemsize != _ENTRY_BYTES:
        raise RuntimeError("this platform's unsigned int has not 4 bytes")
    table.frombytes(stream.digest(width * _ENTRY_BYTES))
    if sys.byteorder == "big":
        table.byteswap()
    return table
