"""What holds for every test."""

from hypothesis import HealthCheck, settings

from support.form import sized

pytest_plugins = ["support.matrices"]

# On two shared cores a slow draw is no finding. The same examples in every run: a failure must come again.
settings.register_profile(
    "hoso",
    deadline=None,
    derandomize=True,
    max_examples=sized(100, 1000),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hoso")
