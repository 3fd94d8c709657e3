"""The settings of the mock, read from the environment by the composition root only."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings

from hoso_population_mock.people import DEFAULT_SEED


class Settings(BaseSettings):
    """Environment: ``HTTP_HOST``, ``HTTP_PORT``, ``SEED``, ``LOG_LEVEL``."""

    http_host: str = "127.0.0.1"
    """Where to listen."""
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """The port; 0 takes a free one, which the first log lines name."""
    seed: Annotated[str, Field(min_length=1)] = DEFAULT_SEED
    """The key of the people; it has a public default, because they are synthetic. Other people need the same seed."""
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    """How much the server says; it never says who was looked up."""
