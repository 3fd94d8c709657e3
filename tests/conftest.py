"""What holds for every test."""

from hypothesis import HealthCheck, settings

from support.form import LONG, sized

pytest_plugins = ["support.folders", "support.matrices"]

# On two shared cores a slow draw is no finding. The short form has the same examples in every run: a failure must
# come again. The long form has new ones each time, and prints what makes a failure come again.
settings.register_profile(
    "hoso",
    deadline=None,
    derandomize=not LONG,
    print_blob=True,
    max_examples=sized(100, 1000),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hoso")
