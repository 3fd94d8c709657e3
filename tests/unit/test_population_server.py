"""The mock's HTTP server as it is configured; it opens nothing here."""

import httpx

from hoso_population_mock.app import server
from hoso_population_mock.settings import Settings


def test_a_client_drops_an_idle_connection_before_the_server_does() -> None:
    """Else a request is now and then sent on a connection that is just being closed, and its client sees a reset."""
    kept = httpx.Limits().keepalive_expiry
    assert kept is not None
    assert server(Settings()).config.timeout_keep_alive > kept
