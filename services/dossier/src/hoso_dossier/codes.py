"""Dossier codes ("mã số hồ sơ") as text, and the day they carry; who gets which number is decided elsewhere."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

VIET_NAM: Final = ZoneInfo("Asia/Ho_Chi_Minh")
CODE_PATTERN: Final = r"^[A-Z][0-9]{2}(\.[0-9]{2,3}){2,3}-[0-9]{6}-[0-9]{4,9}$"
EPOCH_NUMBERS: Final = 100_000  # numbers between the beginnings of two epochs

_CODE: Final = re.compile(CODE_PATTERN)


@dataclass(frozen=True, slots=True)
class Code:
    """A number of one day under one prefix; `str()` is what people read."""

    prefix: str
    day: date
    number: int

    def __str__(self) -> str:
        return f"{self.prefix}-{self.day:%y%m%d}-{self.number:04}"

    @property
    def epoch(self) -> int:
        """The epoch among whose numbers this one is."""
        return (self.number - 1) // EPOCH_NUMBERS


def is_code(text: str) -> bool:
    """Tell whether text has the form of a dossier code, whoever issued it."""
    return _CODE.fullmatch(text) is not None


def read_code(text: str) -> Code:
    """Take a code apart.

    Raises:
        ValueError: it has not the form of one.
    """
    if not is_code(text):
        raise ValueError("no dossier code")
    prefix, day, number = text.split("-")
    return Code(prefix, datetime.strptime(day, "%y%m%d").replace(tzinfo=VIET_NAM).date(), int(number))


def viet_nam_day(instant: datetime) -> date:
    """Return the day it is in Viet Nam (UTC+7, no summer time)."""
    return instant.astimezone(VIET_NAM).date()


def first_number(epoch: int) -> int:
    """Return the first number of an epoch: a restored database must not issue again what it has forgotten."""
    return epoch * EPOCH_NUMBERS + 1
