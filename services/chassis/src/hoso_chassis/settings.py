"""What a process is told by its environment; nothing else in a service reads the environment."""

import sys
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

EX_CONFIG = 78  # sysexits.h: something was found in an unconfigured or misconfigured state


class ServiceSettings(BaseSettings):
    """Settings every service has; the environment's names are the upper-case field names.

    A field without a default must be set. Secrets never have one.
    """

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, frozen=True, hide_input_in_errors=True, validate_default=True
    )

    database_url: SecretStr = Field(description="PostgreSQL URL with credentials.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Least level that is logged.")
    spans_file: Path | None = Field(None, description="Spans are appended here as JSON lines.")
    http_host: str = Field("127.0.0.1", description="Address the api role listens on.")
    http_port: int | None = Field(None, ge=0, le=65535, description="Port of the api role.")
    jwks_url: str | None = Field(None, description="Where the token issuer publishes its keys.")
    token_issuer: str | None = Field(None, description="The `iss` that tokens must have.")
    kafka_bootstrap_servers: str | None = Field(None, description="host:port,... of the brokers (worker, relay).")
    health_host: str = Field("127.0.0.1", description="Address of the worker's and relay's health server.")
    health_port: int | None = Field(None, ge=0, le=65535, description="Port of the worker's and relay's health server.")
    halt_shown_seconds: float = Field(
        15.0, ge=0, description="Seconds for which a process that halted still says why before it ends."
    )
    group_instance_id: str | None = Field(None, description="A name in the consumer group that no other process has.")
    body_limit: int = Field(65_536, gt=0, description="Bytes of a request body, where a route sets no other limit.")
    body_seconds: float = Field(30, gt=0, description="Seconds a request body may take to arrive.")


S = TypeVar("S", bound=BaseSettings)


def load(settings_type: type[S]) -> S:
    """Read the settings; on a mistake say one line per setting, without any value, and exit with 78.

    Raises:
        SystemExit: a setting is missing or wrong.
    """
    try:
        return settings_type()
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
    for detail in details:
        name = ".".join(str(part) for part in detail["loc"]).upper() or "settings"
        said = "is not set" if detail["type"] == "missing" else f"is wrong: {detail['type'].replace('_', ' ')}"
        sys.stderr.write(f"{name} {said}\n")
    raise SystemExit(EX_CONFIG)
