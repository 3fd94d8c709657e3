"""The mock's HTTP server as it is configured; it opens nothing here."""

import httpx
import pytest
import uvicorn

from hoso_population_mock.app import server
from hoso_population_mock.settings import Settings


def _configures_nothing(_: uvicorn.Config) -> None:
    """Stands for what would reach every other test."""


def test_a_client_drops_an_idle_connection_before_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a request is now and then sent on a connection that is just being closed, and its client sees a reset."""
    monkeypatch.setattr(uvicorn.Config, "configure_logging", _configures_nothing)  # the loggers are every test's
    kept = httpx.Limits().keepalive_expiry
    assert kept is not None
    assert server(Settings()).config.timeout_keep_alive > kept
