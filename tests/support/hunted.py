"""One synthetic person who goes through every path, and the search for everything that is known about them."""

import base64
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from hoso_population_mock.people import Person, person_at, subject_of
from hoso_stack import tokens
from support.canaries import Search, date_spellings, phone_spellings, spellings

_SPREAD: Final = 4_999
_WORDS: Final = 5  # of a name that nobody else in a test has
_BORN_BEFORE: Final = 2000  # a later birthday may be a day in a log


def encodings(forms: Iterable[str]) -> set[str]:
    """The same as programs carry it: hexadecimal, also of what an SMS holds, and base64 wherever it begins."""
    found: set[str] = set()
    for form in forms:
        raw = form.encode()
        found |= {raw.hex(), form.encode("utf-16-be").hex()}
        for before in range(3):
            # Letters that also depend on what stands around it are cut off.
            text = base64.b64encode(bytes(before) + raw).rstrip(b"=").decode()
            inner = text[-(-8 * before // 6) : (8 * (before + len(raw))) // 6]
            found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


@dataclass(frozen=True, slots=True)
class Hunted:
    """The person, and what of theirs is sent.

    Attributes:
        address: where they move; a word of it is nowhere else.
        token: their access token.
        words: their number, name, e-mail and phone, as they fit into a line of HTTP.
    """

    person: Person
    address: str
    token: str = field(repr=False)

    @property
    def words(self) -> Sequence[str]:
        return (
            self.person.identity_number,
            quote(self.person.full_name),
            self.person.email,
            self.person.phone,
        )

    @property
    def answers(self) -> dict[str, Any]:
        """What they type that nobody else does."""
        return {"temporary_address": {"province": "Tỉnh Mẫu", "ward": "Phường Mẫu", "address": self.address}}

    def search(self) -> Search:
        """A search for everything about them, in every way it may be written."""
        plain: Mapping[str, Iterable[str]] = {
            "name": spellings(self.person.full_name),
            "identity number": {self.person.identity_number},
            "date of birth": date_spellings(self.person.date_of_birth.isoformat()),
            "e-mail": spellings(self.person.email),
            "phone": phone_spellings(self.person.phone),
            "address": spellings(self.person.permanent_address) | spellings(self.address),
        }
        carried = {name: {*forms, *encodings(forms)} for name, forms in plain.items() if name != "date of birth"}
        token = {self.token, self.token.split(".")[2]}
        return Search({**plain, **carried, "token": token})


def hunted(keys: Path) -> Hunted:
    """Somebody whose data can be told from chance; another one in each run, so that a stack may be used again."""
    start = 40_000_000 + secrets.randbelow(9_000_000)
    person = next(one for one in (person_at(index) for index in count(start, _SPREAD)) if _fits(one))
    address = f"Số 7, ngõ Đỗ Quyên kanari{secrets.token_hex(6)}"
    return Hunted(person, address, tokens.mint(keys, subject_of(person.index), "citizen"))


def _fits(person: Person) -> bool:
    long_enough = len(person.full_name.split()) >= _WORDS
    return long_enough and person.date_of_birth_precision == "day" and person.date_of_birth.year < _BORN_BEFORE
