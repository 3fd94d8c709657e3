"""The README of dossier tells every setting, topic and module there is, and none that is not."""

import re
from importlib.resources import files
from pathlib import Path

from hoso_chassis.settings import ServiceSettings
from hoso_contracts.topics import TOPICS
from hoso_dossier.settings import DossierSettings

README = (Path(__file__).parents[2] / "services" / "dossier" / "README.md").read_text("utf-8")


def cells(section: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    text = README.split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def test_the_table_of_settings_is_the_code() -> None:
    own = {
        name: field for name, field in DossierSettings.model_fields.items() if name not in ServiceSettings.model_fields
    }
    assert [row[0] for row in cells("Environment")] == [f"`{name.upper()}`" for name in own]
    for (_, default, what), field in zip(cells("Environment"), own.values(), strict=True):
        told = "required" if field.is_required() else f"`{str(field.default).lower()}`"
        assert (default.lower(), what) == (told, field.description)


def test_the_table_of_topics_is_that_of_the_contracts() -> None:
    ours = {name for name, topic in TOPICS.items() if "dossier" in (*topic.producers, *topic.consumers)}
    assert {row[0].strip("`") for row in cells("Topics")} == ours


def test_every_module_is_named_once() -> None:
    named = re.findall(r"`([a-z_]+\.py)`", README.split("\n## Modules\n")[1])
    modules = {entry.name for entry in files("hoso_dossier").iterdir() if entry.name.endswith(".py")}
    assert sorted(named) == sorted(modules - {"__init__.py", "__main__.py"})
