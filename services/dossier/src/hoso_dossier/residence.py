"""The rules of temporary residence that no schema can say, and what the dossier takes from the answers."""

from calendar import isleap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, date
from typing import Any, Final, cast

from email_validator import EmailNotValidError, validate_email

from hoso_dossier.flaws import Flaw
from hoso_dossier.forms import ROOT
from hoso_dossier.identity_numbers import Profile, find_flaws
from hoso_dossier.phones import Moved, read_mobile
from hoso_dossier.values import Contact, Identity

MOST_YEARS: Final = 2  # Law on Residence 2020, article 27
_DATES: Final = ("date_of_birth", "from_date", "to_date")
_EARLIEST_BIRTH: Final = date(1900, 1, 1)  # identity numbers know no earlier century


@dataclass(frozen=True, slots=True)
class Application:
    """What a dossier takes from valid answers."""

    identity: Identity
    case: str
    agency: str
    contacts: tuple[Contact, ...]


class Answers:
    """Answers that the form has already been held against; fields it found wrong are not looked at again."""

    def __init__(self, answers: Mapping[str, Any], flaws: list[Flaw], profile: Profile, today: date) -> None:
        self._answers, self._profile, self._today = answers, profile, today
        self._wrong = {flaw.pointer for flaw in flaws}
        self._dates = {name: self._date(name) for name in _DATES}
        self.email: str | None = None
        self.phone: str | None = None

    def find_flaws(self) -> Iterator[Flaw]:
        """Yield what is wrong between fields, and with numbers and addresses."""
        yield from self._calendar()
        yield from self._birth()
        yield from self._identity_number()
        yield from self._period()
        yield from self._contacts()

    def application(self) -> Application:
        """Return what the dossier takes; only once `find_flaws` has yielded nothing."""
        answers = self._answers
        identity = Identity(
            answers["identity_number"], answers["full_name"], date.fromisoformat(answers["date_of_birth"])
        )
        emails = (Contact("email", self.email),) if self.email else ()
        phones = (Contact("sms", self.phone),) if self.phone else ()
        return Application(identity, answers["case"], answers["agency"], emails + phones)

    def _calendar(self) -> Iterator[Flaw]:
        """The year 0000 passes the form's format."""
        for name, day in self._dates.items():
            if day is None and self._field(name) is not None:
                yield Flaw(f"{ROOT}/{name}", "not-a-date")

    def _birth(self) -> Iterator[Flaw]:
        day = self._dates["date_of_birth"]
        if day is not None and day > self._today:
            yield Flaw(f"{ROOT}/date_of_birth", "date-in-future")
        if day is not None and day < _EARLIEST_BIRTH:
            yield Flaw(f"{ROOT}/date_of_birth", "date-too-early")

    def _identity_number(self) -> Iterator[Flaw]:
        number = self._field("identity_number")
        if number is not None:
            for code in find_flaws(number, self._dates["date_of_birth"], self._field("gender"), self._profile):
                yield Flaw(f"{ROOT}/identity_number", code)

    def _period(self) -> Iterator[Flaw]:
        first, last = self._dates["from_date"], self._dates["to_date"]
        if first is None or last is None:
            return
        born = self._dates["date_of_birth"]
        if born is not None and first < born <= self._today:
            yield Flaw(f"{ROOT}/from_date", "period-before-birth")
        if last <= first:
            yield Flaw(f"{ROOT}/to_date", "period-not-positive")
        elif last > years_after(first, MOST_YEARS):
            yield Flaw(f"{ROOT}/to_date", "period-too-long")

    def _contacts(self) -> Iterator[Flaw]:
        notification = self._field("notification")
        if notification is None:
            return
        channels = self._field("channels", notification, "/notification") or ()
        if "email" in channels:
            yield from self._email(notification)
        if "sms" in channels:
            yield from self._phone(notification)

    def _email(self, notification: Mapping[str, Any]) -> Iterator[Flaw]:
        pointer = f"{ROOT}/notification/email"
        text = self._field("email", notification, "/notification")
        if text is None:
            yield from () if pointer in self._wrong else (Flaw(pointer, "missing"),)
            return
        try:
            found = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
        except EmailNotValidError:
            yield Flaw(pointer, "email-invalid")
        else:
            self.email = found.ascii_email

    def _phone(self, notification: Mapping[str, Any]) -> Iterator[Flaw]:
        pointer = f"{ROOT}/notification/phone"
        text = self._field("phone", notification, "/notification")
        if text is None:
            yield from () if pointer in self._wrong else (Flaw(pointer, "missing"),)
            return
        match read_mobile(text):
            case None:
                yield Flaw(pointer, "phone-invalid")
            case Moved():
                yield Flaw(pointer, "phone-moved")
            case phone:
                self.phone = phone

    def _field(self, name: str, within: Mapping[str, Any] | None = None, under: str = "") -> Any:
        """Return an answer that the form found right; None when it found it wrong, or it is not there."""
        pointer = f"{ROOT}{under}/{name}"
        return None if pointer in self._wrong else (self._answers if within is None else within).get(name)

    def _date(self, name: str) -> date | None:
        text = cast("str | None", self._field(name))
        try:
            return None if text is None else date.fromisoformat(text)
        except ValueError:
            return None


def years_after(day: date, years: int) -> date:
    """Return the same day of a later year; 29 February ends on 28 February where there is none.

    Beyond the calendar it is the calendar's last day.
    """
    if day.year + years > MAXYEAR:
        return date.max
    if (day.month, day.day) == (2, 29) and not isleap(day.year + years):
        return date(day.year + years, 2, 28)
    return day.replace(year=day.year + years)
