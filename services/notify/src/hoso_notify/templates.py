"""The texts that citizens read: finds a template and fills it in; it sends nothing and keeps nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final
from unicodedata import normalize
from zoneinfo import ZoneInfo

from anyascii import anyascii
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from hoso_contracts.dossier import NotificationParameters

_VIET_NAM: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_FILES: Final[Mapping[str, tuple[str, ...]]] = {"email": ("subject.txt", "email.txt"), "sms": ("sms.txt",)}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail's subject, one line, and its text; both in NFC."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Texts:
    """Fills templates in.

    Attributes:
        portal: address of the portal, shown in mails; SMS carry no link: people shall distrust those that do.
        sms_accents: write SMS with accents, in UCS-2 and so of two parts or more; False: GSM-7 and one part.
    """

    portal: str | None = None
    sms_accents: bool = False

    def letter(self, text: str, parameters: NotificationParameters) -> Letter:
        """The mail that a text ("dossier-submitted/v1") makes."""
        return Letter(self._fill(f"{text}/subject.txt", parameters), self._fill(f"{text}/email.txt", parameters) + "\n")

    def sms(self, text: str, parameters: NotificationParameters) -> str:
        """The SMS that a text makes: one line, without accents unless the setting says otherwise."""
        line = " ".join(self._fill(f"{text}/sms.txt", parameters).split())
        return line if self.sms_accents else anyascii(line)

    def _fill(self, name: str, parameters: NotificationParameters) -> str:
        template = _environment().get_template(name)
        filled = template.render(
            code=parameters.dossier_code,
            procedure_code=parameters.procedure_code,
            procedure_name=parameters.procedure_name,
            due=parameters.due_at and in_viet_nam(parameters.due_at),
            reason=parameters.reason,
            portal=self.portal,
        )
        return normalize("NFC", filled.strip())


def in_viet_nam(instant: datetime) -> str:
    """An instant as people in Viet Nam write it: 17:00 ngày 27/11/2026."""
    return f"{instant.astimezone(_VIET_NAM):%H:%M ngày %d/%m/%Y}"


def find(template: str, channel: str) -> str | None:
    """The text that a request means, "dossier-submitted/v1", or None when there is none for the channel.

    A template is asked for by name, which means its newest version, or by name and version: "dossier-submitted.v1".
    """
    return _catalogue().get((channel, template))


def every_text() -> Mapping[str, tuple[str, ...]]:
    """All texts by channel, sorted."""
    return {
        channel: tuple(sorted({text for (of, _), text in _catalogue().items() if of == channel})) for channel in _FILES
    }


@cache
def _catalogue() -> Mapping[tuple[str, str], str]:
    """(channel, template as asked for) → text; a folder is a template of the channels that it has all files of."""
    found: dict[tuple[str, str], str] = {}
    for folder in files("hoso_notify").joinpath("templates").iterdir():
        versions = sorted((int(version.name[1:]), version) for version in folder.iterdir())
        for number, version in versions:
            names = {file.name for file in version.iterdir()}
            for channel, needed in _FILES.items():
                if names.issuperset(needed):
                    text = f"{folder.name}/v{number}"
                    found[channel, folder.name] = found[channel, f"{folder.name}.v{number}"] = text
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hoso_notify"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html",)),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
