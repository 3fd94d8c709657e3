"""What people may write into the other fields of the form, as data: each case and its one end; and who writes it."""

import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from hoso_population_mock.people import Person, person_at
from support.form_names import HIDDEN, other_tone


@dataclass(frozen=True, slots=True)
class StayCase:
    """First and last day of a stay, and its flaws by field; the birth date is the person's."""

    label: str
    first: str
    last: str
    flaws: tuple[tuple[str, str], ...] = ()


_TOO_LONG: Final = (("to_date", "period-too-long"),)
_NOT_POSITIVE: Final = (("to_date", "period-not-positive"),)
_BEFORE_BIRTH: Final = ("from_date", "period-before-birth")

STAYS: Final = (
    StayCase("one day", "2026-12-01", "2026-12-02"),
    StayCase("two years exactly", "2026-01-01", "2028-01-01"),
    StayCase("two years and a day, the vector of the domain", "2026-01-01", "2028-01-02", _TOO_LONG),
    StayCase("from 29 February, two years", "2028-02-29", "2030-02-28"),
    StayCase("from 29 February, two years and a day", "2028-02-29", "2030-03-01", _TOO_LONG),
    StayCase("to 29 February, two years and a day", "2026-02-28", "2028-02-29", _TOO_LONG),
    StayCase("over a leap day", "2027-03-01", "2029-03-01"),
    StayCase("29 February to 29 February", "2024-02-29", "2028-02-29", _TOO_LONG),
    StayCase("the same day", "2026-12-01", "2026-12-01", _NOT_POSITIVE),
    StayCase("the end before the start", "2026-12-02", "2026-12-01", _NOT_POSITIVE),
    StayCase("long over: no law says when to ask, the officer decides", "2019-01-01", "2020-12-31"),
    StayCase("far ahead", "2998-01-01", "2999-12-31"),
    StayCase("to the last day there is", "9998-06-01", "9999-12-31"),
    StayCase("from the last day there is", "9999-12-31", "9999-12-31", _NOT_POSITIVE),
    StayCase("before the birth", "1900-01-01", "1901-12-31", (_BEFORE_BIRTH,)),
    StayCase("in the year 1", "0001-01-01", "0002-12-31", (_BEFORE_BIRTH,)),
    StayCase("a Buddhist year at one end only", "2026-12-01", "2570-12-01", _TOO_LONG),
    StayCase("everything wrong", "1900-01-01", "2028-01-01", (_BEFORE_BIRTH, *_TOO_LONG)),
)

NO_DATES: Final = {
    "29 February of no leap year": "2026-02-29",
    "29 February of 1900": "1900-02-29",
    "31 June": "2026-06-31",
    "month 13": "2026-13-01",
    "month 0": "2026-00-10",
    "day 0": "2026-01-00",
    "day 32": "2026-01-32",
    "year 0": "0000-01-01",
    "five digits of year": "10000-01-01",
    "sign": "+2026-01-01",
    "before our era": "-0001-01-01",
    "ISO week date": "2026-W01-1",
    "ISO ordinal date": "2026-001",
    "compact": "20260101",
    "date and time": "2026-01-01T00:00:00",
    "date, time and zone": "2026-01-01T00:00:00+07:00",
    "two digits of year": "26-01-01",
    "one digit of month": "2026-1-1",
    "as people write it": "01/01/2026",
    "slashes": "2026/01/01",
    "full-width digits": "２０２６-０１-０１",
    "Arabic-Indic digits": "٢٠٢٦-٠١-٠١",
    "Thai digits": "๒๐๒๖-๐๑-๐๑",
    "another hyphen": "2026\u201001\u201001",
    "line end": "2026-01-01\n",
    "hidden character": "2026-01-\u200b01",
    "word": "hôm nay",
    "nothing": "",
    "blank": " ",
}
"""What is no date, whatever field it stands in: `not-a-date`."""

BIRTHS: Final = {
    "in the future": ("2999-01-01", "date-in-future"),
    "Buddhist year": ("2533-03-07", "date-in-future"),
    "before identity numbers": ("1899-12-31", "date-too-early"),
}


@dataclass(frozen=True, slots=True)
class ContactCase:
    """An e-mail address or phone: what is typed, and the flaw, or where it is sent."""

    label: str
    typed: str
    code: str | None = None
    sent_to: str | None = None


def emails(local: str = "an") -> tuple[ContactCase, ...]:
    """E-mail addresses made of somebody's local part, under names that RFC 2606 reserves."""
    plain, idn = f"{local}@example.com", f"{local}@xn--v-d-rma6749a.example.com"
    bad = "email-invalid"
    return (
        ContactCase("plain", plain, None, plain),
        ContactCase("plus sign", f"{local}+hoso@example.com", None, f"{local}+hoso@example.com"),
        ContactCase("spaces around", f" {plain}\u00a0", None, plain),
        ContactCase("domain in upper case", f"{local}@EXAMPLE.COM", None, plain),
        ContactCase("full-width domain", f"{local}@ｅｘａｍｐｌｅ.com", None, plain),
        ContactCase("IDN", f"{local}@ví-dụ.example.com", None, idn),
        ContactCase("IDN in NFD", f"{local}@{unicodedata.normalize('NFD', 'ví-dụ')}.example.com", None, idn),
        ContactCase("64 letters before the @", f"{'a' * 64}@example.com", None, f"{'a' * 64}@example.com"),
        ContactCase("65 letters before the @", f"{'a' * 65}@example.com", bad),
        ContactCase("320 characters", f"{'a' * 64}@{'b' * 251}.com", "too-long"),
        ContactCase("letters with accents before the @", f"ẩ{plain}", bad),
        ContactCase("full-width letters before the @", f"ａ{plain}", bad),
        ContactCase("quoted", f'"{local} x"@example.com', bad),
        ContactCase("with a name", f"Ẩn <{plain}>", bad),
        ContactCase("two addresses", f"{plain},{plain}", bad),
        ContactCase("address literal", f"{local}@[127.0.0.1]", bad),
        ContactCase("no dot", f"{local}@localhost", bad),
        ContactCase("two dots", f"{local}..x@example.com", bad),
        ContactCase("no @", local, bad),
        ContactCase("nothing", "", bad),
        ContactCase("a header after a line end", f"{plain}\r\nBcc: x@example.com", "forbidden-character"),
        *(ContactCase(f"{label} in the domain", f"{local}@ex{hidden}ample.com", "forbidden-character")
          for label, hidden in HIDDEN.items()),
    )  # fmt: skip


def phones(number: str = "0951234567") -> tuple[ContactCase, ...]:
    """Mobile numbers made of somebody's, ten digits that no carrier gives out."""
    sent_to, bad = f"+84{number[1:]}", "phone-invalid"
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in number)
    return (
        ContactCase("plain", number, None, sent_to),
        ContactCase("+84", f"+84{number[1:]}", None, sent_to),
        ContactCase("84", f"84{number[1:]}", None, sent_to),
        ContactCase("spaces and dots", f"{number[:3]} {number[3:6]}.{number[6:]}", None, sent_to),
        ContactCase("no-break spaces", f"{number[:3]}\u00a0{number[3:]}", None, sent_to),
        ContactCase("brackets and hyphens", f"({number[:3]}) {number[3:6]}-{number[6:]}", None, sent_to),
        ContactCase("00 84, as it is dialled abroad", f"0084{number[1:]}", None, sent_to),
        ContactCase("two plus signs", f"++84{number[1:]}", bad),
        ContactCase("plus in the middle", f"{number[:3]}+{number[3:]}", bad),
        ContactCase("plus and zero", f"+{number}", bad),
        ContactCase("full-width digits", wide, bad),
        ContactCase("full-width plus sign", f"＋84{number[1:]}", bad),
        ContactCase("Thai digits", "".join(chr(0x0E50 + int(digit)) for digit in number), bad),
        ContactCase(
            "Arabic-Indic digits", "".join(chr(0x0660 + int(digit)) for digit in number), "forbidden-character"
        ),
        ContactCase("one digit less", number[:-1], bad),
        ContactCase("one digit more", number + "0", bad),
        ContactCase("extension", f"{number};ext=1", bad),
        ContactCase("letters", "0951 HO SO", bad),
        ContactCase("another country", "+14155552671", bad),
        ContactCase("before 2018", "0120 123 4567", "phone-moved"),
        ContactCase("320 digits", "0" * 320, "too-long"),
        ContactCase("nothing", "", bad),
        ContactCase("a line end", f"{number[:4]}\n{number[4:]}", "forbidden-character"),
        ContactCase("an override", f"\u202e{number}", "forbidden-character"),
    )


def somebody(*, highland: bool = False) -> Person:
    """A synthetic adult whose name has a Đ and an open syllable with two places for its tone, or an apostrophe."""
    people = (person_at(index) for index in range(0, 98_700_000, 4_999))
    return next(one for one in people if one.date_of_birth_precision == "day" and _fits(one, highland=highland))


def _fits(person: Person, *, highland: bool) -> bool:
    if person.date_of_birth.year > 2005:
        return False
    if highland:
        return "'" in person.full_name
    return "Đ" in person.full_name and other_tone(person.full_name) != person.full_name


def answers_of(person: Person, **changed: Any) -> dict[str, Any]:
    """Answers of a person that may be submitted, with what a test writes instead."""
    contact = {"channels": ["email", "sms"], "email": person.email, "phone": person.phone}
    return {
        "declarant": "self",
        "full_name": person.full_name,
        "date_of_birth": person.date_of_birth.isoformat(),
        "gender": person.gender,
        "identity_number": person.identity_number,
        "permanent_address": person.permanent_address,
        "temporary_address": {"province": "Tỉnh Mẫu", "ward": "Phường Mẫu", "address": "Số 2, ngõ Trúc"},
        "from_date": "2026-12-01",
        "to_date": "2027-12-01",
        "case": "individual",
        "agency": "G01.999.901",
        "declaration_accepted": True,
        "notification": contact,
    } | changed
