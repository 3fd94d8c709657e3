"""The README of storage tells every setting, topic, route, refusal, state and module there is, and none that is not."""

import inspect
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import get_args

from hoso_chassis.settings import ServiceSettings
from hoso_contracts.topics import TOPICS
from hoso_storage import refusals
from hoso_storage.domain import State
from hoso_storage.settings import StorageSettings

FOLDER = Path(__file__).parents[2] / "services" / "storage"
README = (FOLDER / "README.md").read_text("utf-8")


def section(name: str) -> str:
    return README.split(f"\n## {name}\n")[1].split("\n## ")[0]


def cells(name: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    rows = [line for line in section(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[2:]]


def test_the_table_of_settings_is_the_code() -> None:
    inherited = ServiceSettings.model_fields
    own = {name: field for name, field in StorageSettings.model_fields.items() if name not in inherited}
    assert [row[0] for row in cells("Environment")] == [f"`{name.upper()}`" for name in own]
    for (_, default, what), field in zip(cells("Environment"), own.values(), strict=True):
        told = "required" if field.is_required() else f"`{field.default}`"
        assert (default, what) == (told, field.description)


def test_the_table_of_topics_is_that_of_the_contracts() -> None:
    ours = {name for name, topic in TOPICS.items() if "storage" in (*topic.producers, *topic.consumers)}
    assert {row[0].strip("`") for row in cells("Topics")} == ours


def test_the_table_of_routes_is_the_openapi_document() -> None:
    paths = json.loads((FOLDER / "openapi.json").read_text("utf-8"))["paths"]
    documented = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    told = {row[0].strip("`").replace("{id}", "{attachment_id}") for row in cells("Routes")}
    assert told == documented


def test_the_table_of_states_is_the_code() -> None:
    assert [row[0].strip("`") for row in cells("States")] == list(get_args(State))


def test_every_refusal_of_its_own_is_told() -> None:
    made = [
        make("component") if inspect.signature(make).parameters else make()
        for _, make in inspect.getmembers(refusals, inspect.isfunction)
        if make.__module__ == refusals.__name__
    ]
    told = section("When something fails")
    for problem in made:
        wait = problem.headers and problem.headers.get("retry-after")
        assert f"{problem.status_code} `{problem.slug}`{f' with `Retry-After: {wait}`' if wait else ''}" in told


def test_every_module_is_named_once() -> None:
    named = re.findall(r"`([a-z_]+\.py)`", section("Modules"))
    modules = {entry.name for entry in files("hoso_storage").iterdir() if entry.name.endswith(".py")}
    assert sorted(named) == sorted(modules - {"__init__.py", "__main__.py"})
