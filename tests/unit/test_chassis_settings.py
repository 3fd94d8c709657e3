"""Settings: plain upper-case names, no default for secrets, and mistakes said without values."""

import pytest
from pydantic import SecretStr

from hoso_chassis.settings import EX_CONFIG, ServiceSettings, load

SECRET = "postgresql://u:p4ssw0rd@db/x"  # noqa: S105  # of nobody


class Settings(ServiceSettings):
    """Adds one more secret."""

    s3_secret_key: SecretStr


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_settings_are_read_by_their_plain_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRET)
    monkeypatch.setenv("S3_SECRET_KEY", "k")
    monkeypatch.setenv("HTTP_PORT", "8080")
    monkeypatch.setenv("HEALTH_PORT", "")
    settings = load(Settings)
    assert (settings.http_port, settings.health_port, settings.log_level) == (8080, None, "info")
    assert settings.database_url.get_secret_value() == SECRET
    assert "p4ssw0rd" not in repr(settings)


def test_every_mistake_is_one_line_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", SECRET)
    monkeypatch.setenv("HTTP_PORT", "p4ssw0rd")
    monkeypatch.setenv("LOG_LEVEL", "p4ssw0rd")
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == EX_CONFIG
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "LOG_LEVEL is wrong: string pattern mismatch",
        "HTTP_PORT is wrong: int parsing",
        "S3_SECRET_KEY is not set",
    ]


def test_no_secret_has_a_default() -> None:
    for field in Settings.model_fields.values():
        assert field.annotation is not SecretStr or field.is_required()
