"""The tables in the README of the population mock say what the code says."""

from pathlib import Path

import pytest

from hoso_population_mock.settings import Settings
from hoso_population_mock.switches import Switches

README = (Path(__file__).parents[2] / "services" / "population-mock" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_readme_has_each_setting_with_its_default(name: str) -> None:
    assert f"| `{name.upper()}` | `{Settings.model_fields[name].default}` |" in README


@pytest.mark.parametrize("name", sorted(Switches.model_fields))
def test_the_readme_has_each_switch(name: str) -> None:
    rows = [line for line in README.splitlines() if line.startswith("| `")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)
