"""Reproducible choices for one person: the same key and index give the same choices for ever, on every machine."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Draw:
    """A stream of choices taken from one keyed hash (BLAKE2b, 512 bits, enough for about 60 choices of a person)."""

    __slots__ = ("_bits",)

    def __init__(self, key: bytes, index: int) -> None:
        self._bits = int.from_bytes(hashlib.blake2b(index.to_bytes(8, "big"), key=key).digest(), "big")

    def below(self, limit: int) -> int:
        """Return a number of ``range(limit)``."""
        self._bits, number = divmod(self._bits, limit)
        return number

    def chance(self, parts_of_a_thousand: int) -> bool:
        """Return True this often in a thousand times."""
        return self.below(1000) < parts_of_a_thousand

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices."""
        return choices[self.below(len(choices))]


def weighted(text: str) -> tuple[str, ...]:
    """Read ``"Nguyễn 315, Trần 109, Đỗ"`` into a tuple in which each entry stands as often as its number says."""
    entries: list[str] = []
    for part in text.replace("\n", " ").split(","):
        words = part.split()
        if words:
            times = int(words.pop()) if words[-1].isdecimal() else 1
            entries.extend([" ".join(words)] * times)
    return tuple(entries)
