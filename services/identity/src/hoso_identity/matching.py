"""Whether a declaration is one person of the register: yes or no, and never which value differs; pure."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from hoso_identity.names import same_name

Precision = Literal["day", "month", "year"]


class Declaration(BaseModel):
    """What a citizen declared: the question to the register; it is personal data and no `repr` shows it.

    Attributes:
        identity_number: 12 digits.
        full_name: family, middle and given name in one field, as typed.
        date_of_birth: as declared.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    identity_number: str = Field(repr=False)
    full_name: str = Field(repr=False)
    date_of_birth: date = Field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class RegisteredPerson:
    """What the register has of one person.

    Attributes:
        date_of_birth_precision: how much of the date is known; older records hold a year or a month only.
    """

    identity_number: str
    full_name: str
    date_of_birth: date
    date_of_birth_precision: Precision


def matches(declared: Declaration, registered: RegisteredPerson) -> bool:
    """Whether number, name and date of birth all agree."""
    same_number = declared.identity_number == registered.identity_number
    named_alike = same_name(declared.full_name, registered.full_name)
    return same_number and named_alike and _same_birth(declared.date_of_birth, registered)


def _same_birth(declared: date, registered: RegisteredPerson) -> bool:
    """Compare as much of the date as the register knows: of a record with a year only, the year."""
    known = registered.date_of_birth
    match registered.date_of_birth_precision:
        case "year":
            return declared.year == known.year
        case "month":
            return (declared.year, declared.month) == (known.year, known.month)
        case "day":
            return declared == known
