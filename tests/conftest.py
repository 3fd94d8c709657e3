"""What holds for every test."""

from hypothesis import HealthCheck, settings

# Two shared cores: a slow draw is no finding. The same examples in every run: a failure must come again when looked for.
settings.register_profile("hoso", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hoso")
