"""The synthetic people, each computed from an index: no table, no file, no clock, and never a real person."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from hoso_population_mock.addresses import permanent_address
from hoso_population_mock.draw import Draw
from hoso_population_mock.names import full_name, tone_on_first_vowel, tone_on_last_vowel
from hoso_population_mock.numbers import NUMBER_SPACE, SYNTHETIC_CODES, Gender, IdentityNumber, number_at, slot_of
from hoso_population_mock.permutation import Permutation

POPULATION: Final = 98_700_000
"""How many people there are; their indices are ``range(POPULATION)``."""

DEFAULT_SEED: Final = "hoso synthetic population 1"
"""The public default key: these people are synthetic, so nothing is given away."""

Precision = Literal["day", "month", "year"]

_SUBJECT_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SUBJECT_LENGTH: Final = 6
_SUBJECT: Final = re.compile(rf"person-([{_SUBJECT_ALPHABET}]{{{_SUBJECT_LENGTH}}})")
_SUBJECT_VALUES: Final = {letter: value for value, letter in enumerate(_SUBJECT_ALPHABET)}
_ADULT_UNTIL: Final = 2005
_OFTEN_IMPRECISE_UNTIL: Final = 1960
_PHONES: Final = 10_000_000
_PLAIN: Final = str.maketrans("đƀĐɃ", "dbDB")


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person as the register spells them.

    Attributes:
        index: the person's place, 0 <= index < ``POPULATION``.
        identity_number: 12 digits under a province code that no province has; consistent with gender and year of birth.
        full_name: family, middle and given name in one field, one to five words, Unicode NFC.
        date_of_birth: a calendar date of 1924-2025; 1 January, or the first of a month, where the precision is coarser.
        date_of_birth_precision: how much of the date the register knows.
        gender: "male" or "female".
        phone: ten digits beginning 095: the shape is a mobile number's, but no carrier has had the prefix since 2013.
            About ten people share each.
        email: an address under example.com, which RFC 2606 reserves; different for everybody.
        permanent_address: house, ward, province; the province is invented.
    """

    index: int
    identity_number: str
    full_name: str
    date_of_birth: date
    date_of_birth_precision: Precision
    gender: Gender
    phone: str
    email: str
    permanent_address: str


class Population:
    """The people that one seed gives: the same seed gives the same people for ever.

    Memory: about 1.5 MB of tables for the two permutations, whatever is asked.
    """

    def __init__(self, seed: str = DEFAULT_SEED) -> None:
        self._details_key = _key(seed, "details")
        self._stranger_key = _key(seed, "stranger")
        self._numbers = Permutation(NUMBER_SPACE, _key(seed, "numbers"))
        self._subjects = Permutation(POPULATION, _key(seed, "subjects"))

    def person_at(self, index: int) -> Person:
        """Compute the person with an index.

        Raises:
            IndexError: there is no such index.
        """
        number = self._number(index)
        draw = Draw(self._details_key, index)
        birth, precision = _date_of_birth(draw, number.year)
        name = full_name(draw, number.gender)
        return Person(
            index=index,
            identity_number=str(number),
            full_name=name,
            date_of_birth=birth,
            date_of_birth_precision=precision,
            gender=number.gender,
            phone=f"095{draw.below(_PHONES):07}",
            email=f"{_mailbox(name)}.{index}@example.com",
            permanent_address=permanent_address(draw, SYNTHETIC_CODES.index(number.province_code)),
        )

    def person_by_number(self, number: str) -> Person | None:
        """Find the person who has an identity number, by inverting the permutation; None when nobody has it."""
        slot = slot_of(number)
        if slot is None:
            return None
        index = self._numbers.inverse(slot)
        return self.person_at(index) if index < POPULATION else None

    def subject_of(self, index: int) -> str:
        """Return the opaque name of a person for tokens, such as ``person-3k9x0z``: only the seed leads back.

        Raises:
            IndexError: there is no such index.
        """
        code = self._subjects.forward(index)
        letters = (_SUBJECT_ALPHABET[code >> shift & 31] for shift in range(5 * _SUBJECT_LENGTH - 5, -1, -5))
        return f"person-{''.join(letters)}"

    def index_of_subject(self, sub: str) -> int:
        """Return the index behind a subject; any text that ``subject_of`` never gives is hashed to an adult's index."""
        match = _SUBJECT.fullmatch(sub)
        if match:
            code = 0
            for letter in match[1]:
                code = code * len(_SUBJECT_ALPHABET) + _SUBJECT_VALUES[letter]
            if code < POPULATION:
                return self._subjects.inverse(code)
        return next(index for index in self._hashes(sub) if self._number(index).year <= _ADULT_UNTIL)

    def _number(self, index: int) -> IdentityNumber:
        if not 0 <= index < POPULATION:
            raise IndexError("no person has this index")
        return number_at(self._numbers.forward(index))

    def _hashes(self, text: str) -> Iterator[int]:
        digest = text.encode("utf-8", "surrogatepass")
        while True:
            digest = hashlib.blake2b(digest, key=self._stranger_key, digest_size=32).digest()
            yield int.from_bytes(digest, "big") % POPULATION


def person_at(index: int) -> Person:
    """Compute the person with an index, under the default seed; IndexError when there is no such index."""
    return default_population().person_at(index)


def person_by_number(number: str) -> Person | None:
    """Find the person who has an identity number, under the default seed; None when nobody has it."""
    return default_population().person_by_number(number)


def subject_of(index: int) -> str:
    """Return the opaque, reversible name of a person for tokens, under the default seed."""
    return default_population().subject_of(index)


def index_of_subject(sub: str) -> int:
    """Return the index behind a subject, under the default seed; a stranger's subject is hashed to an adult's index."""
    return default_population().index_of_subject(sub)


@cache
def default_population() -> Population:
    """Return the population of the default seed, made when first asked for."""
    return Population()


def typed_name(person: Person) -> str:
    """Return the name as this person types it into a form.

    Seven in ten type what the register has; the others put the tone of "hòa" on the other vowel, type UPPER CASE, or
    have a keyboard that sends decomposed letters (NFD). A right comparison takes all of them for the same name.
    """
    habit = person.index % 20
    name = person.full_name
    if habit in (0, 1):
        return unicodedata.normalize("NFD", name)
    if habit in (2, 3):
        return name.upper()
    if habit in (4, 5):
        other = tone_on_last_vowel(name)
        return other if other != name else tone_on_first_vowel(name)
    return name


def _key(seed: str, purpose: str) -> bytes:
    return hashlib.blake2b(seed.encode(), digest_size=32, person=purpose.encode()).digest()


def _date_of_birth(draw: Draw, year: int) -> tuple[date, Precision]:
    """Choose a date; one in twenty of those born until 1960 has a year only, one in fifty a month only."""
    first = date(year, 1, 1)
    days = date(year + 1, 1, 1).toordinal() - first.toordinal()
    birth = date.fromordinal(first.toordinal() + draw.below(days))
    part = draw.below(100)
    if year > _OFTEN_IMPRECISE_UNTIL or part >= 7:  # noqa: PLR2004 - 5 + 2 per cent
        return birth, "day"
    return (first, "year") if part < 5 else (birth.replace(day=1), "month")  # noqa: PLR2004


def _mailbox(name: str) -> str:
    """Spell a name with a-z only: "Nguyễn Thị Hòa" becomes "nguyen.thi.hoa"."""
    plain = unicodedata.normalize("NFD", name.translate(_PLAIN)).lower()
    letters = "".join(letter for letter in plain if letter == " " or "a" <= letter <= "z")
    return letters.replace(" ", ".")
