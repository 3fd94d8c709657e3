"""What the service identity is told by its environment; it reads nothing itself."""

from pydantic import Field

from hoso_chassis.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    """The settings of every service, and where the register is."""

    population_url: str = Field(
        pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$", description="Base URL of the population register."
    )
    population_timeout: float = Field(3.0, gt=0, le=60, description="Seconds one lookup may take.")
    population_concurrency: int = Field(16, ge=1, le=256, description="Lookups at a time in one worker.")
    population_at_once: int = Field(64, ge=1, description="Lookups at a time in all workers together.")
    population_per_second: float | None = Field(
        None, gt=0, description="Lookups begun a second in all workers together."
    )
