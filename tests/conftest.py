"""What holds for every test."""

from hypothesis import HealthCheck, settings

# On two shared cores a slow draw is no finding. The same examples in every run: a failure must come again.
settings.register_profile("hoso", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hoso")
