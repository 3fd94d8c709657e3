"""The settings of identity, the table of them in the README, and that nothing happens before it is asked for."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from hoso_chassis.settings import ServiceSettings
from hoso_identity.app import build
from hoso_identity.settings import IdentitySettings

README = Path(__file__).parents[2] / "services" / "identity" / "README.md"
PLACES = {"database_url": "postgresql://identity@127.0.0.1:1/identity", "population_url": "http://127.0.0.1:1"}


def own_settings() -> list[str]:
    return [
        "database_url",
        *(name for name in IdentitySettings.model_fields if name not in ServiceSettings.model_fields),
    ]


@pytest.mark.parametrize("name", own_settings())
def test_the_readme_has_each_setting_as_it_is(name: str) -> None:
    field = IdentitySettings.model_fields[name]
    default = "required" if field.is_required() else "" if field.default is None else f"`{field.default}`"
    assert f"| `{name.upper()}` | {default} | {field.description} |" in README.read_text("utf-8")


@pytest.mark.parametrize(
    "url", ["", "register", "ftp://register", "http://", "http://someone:secret@register", "http://register/?a=b"]
)
def test_a_place_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        IdentitySettings.model_validate({**PLACES, "population_url": url})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "https://register.example", "http://register.example/api/v2", "http://register/"]
)
def test_a_place_may_have_a_path(url: str) -> None:
    assert IdentitySettings.model_validate({**PLACES, "population_url": url}).population_url == url


def test_building_opens_nothing() -> None:
    parts = build(IdentitySettings.model_validate({**PLACES, "population_concurrency": 3}))
    (kind,) = parts.kinds
    assert (kind.name, kind.target, kind.timeout, kind.max_age.days, kind.concurrency) == (
        "verify",
        "population",
        3,
        3,
        3,
    )
    assert not kind.at_most_once
    assert parts.database.max_ages == {"verify": kind.max_age}
    assert parts.routers == ()


def test_a_missing_setting_is_named_in_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hoso_identity", "check"], env={}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 78
    assert ended.stderr.splitlines() == ["DATABASE_URL is not set", "POPULATION_URL is not set"]
