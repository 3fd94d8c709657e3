"""The README of notify shows what citizens really get, and tells every setting, topic, template, answer and module."""

import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from importlib.resources import files
from pathlib import Path
from uuid import UUID

from hoso_chassis.settings import ServiceSettings
from hoso_contracts.dossier import NotificationParameters
from hoso_contracts.topics import TOPICS
from hoso_notify.email import compose
from hoso_notify.segments import segment
from hoso_notify.settings import NotifySettings
from hoso_notify.templates import Texts, every_text

README = (Path(__file__).parents[2] / "services" / "notify" / "README.md").read_text("utf-8")
TEXT = "dossier-accepted/v1"
GIVEN = NotificationParameters(
    dossier_code="G01.999.000.000-261124-0001",
    procedure_code="1.004194",
    procedure_name="Đăng ký tạm trú",
    due_at=datetime(2026, 11, 27, 10, tzinfo=UTC),
)


def section(name: str) -> str:
    return README.split(f"\n## {name}\n")[1].split("\n## ")[0]


def cells(name: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    rows = [line for line in section(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[2:]]


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)\n```", README, re.DOTALL)
    assert found is not None
    return found[1]


def mail() -> str:
    """The mail as a mail program shows it."""
    letter = Texts("https://portal.example").letter(TEXT, GIVEN)
    number, at = UUID("01930f5e-6f00-7000-8000-000000000001"), datetime(2026, 11, 24, 3, tzinfo=UTC)
    raw = compose(Address("Cổng dịch vụ công", "no-reply", "hoso.example"), number, "an@mail.example", letter, at)
    read = message_from_bytes(raw, policy=default)
    assert isinstance(read, EmailMessage)
    head = [f"{name}: {read[name]}" for name in ("From", "To", "Subject", "Message-ID")]
    return "\n".join([*head, "", read.get_content().replace("\r\n", "\n").rstrip("\n")])


def test_the_mail_shown_is_the_mail_sent() -> None:
    assert block("mail") == mail()


def test_the_sms_shown_is_the_sms_sent() -> None:
    line = Texts().sms(TEXT, GIVEN)
    assert (block("sms"), len(segment(line).parts), segment(line).encoding) == (line, 1, "gsm-7")


def test_the_table_of_templates_is_what_there_is() -> None:
    told = {
        channel: tuple(sorted(f"{row[0].strip('`')}/{row[at]}" for row in cells("What the citizen gets")))
        for at, channel in ((2, "email"), (3, "sms"))
    }
    assert told == every_text()


def test_the_table_of_settings_is_the_code() -> None:
    inherited = ServiceSettings.model_fields
    own = {name: field for name, field in NotifySettings.model_fields.items() if name not in inherited}
    assert [row[0] for row in cells("Environment")] == [f"`{name.upper()}`" for name in own]
    for (_, value, what), field in zip(cells("Environment"), own.values(), strict=True):
        told = "required" if field.is_required() else "" if field.default is None else f"`{str(field.default).lower()}`"
        assert (value, what) == (told, field.description)


def test_the_table_of_topics_is_that_of_the_contracts() -> None:
    ours = {name for name, topic in TOPICS.items() if "notify" in (*topic.producers, *topic.consumers)}
    assert {row[0].strip("`") for row in cells("Topics")} == ours


def test_every_module_is_named_once() -> None:
    named = re.findall(r"`([a-z_]+\.py)`", section("Modules"))
    modules = {entry.name for entry in files("hoso_notify").iterdir() if entry.name.endswith(".py")}
    assert sorted(named) == sorted(modules - {"__init__.py", "__main__.py"})
