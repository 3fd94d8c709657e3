"""The checks of any API."""

from schemathesis import Check

not_a_server_error: Check
