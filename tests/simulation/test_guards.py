"""Each guard of the chassis is switched off once: some schedule must find it, or the schedules prove nothing."""

import pytest

from simulation import schedule
from simulation.guards import GUARDS, Guard, switched_off
from support.form import LONG, sized

WITHIN = sized(120, 5000)


@pytest.mark.parametrize("guard", [one for one in GUARDS if one.is_quick or LONG], ids=lambda guard: guard.name)
def test_without_the_guard_a_schedule_breaks_the_model(guard: Guard) -> None:
    with switched_off(guard):
        found = next((seed for seed in range(WITHIN) if schedule.run(seed).breaches), None)
    assert found is not None, f"{guard.name}: nothing found in {WITHIN} schedules"
