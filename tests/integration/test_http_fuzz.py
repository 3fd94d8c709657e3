"""Both HTTP APIs answer whatever their descriptions can be read as, and its opposite, as described; nothing leaks."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode

from support.form import sized
from support.fuzz_cases import ROUTES, aim, aimed, described, operation_of, systematic, whole
from support.fuzz_checks import check
from support.fuzz_marks import marked
from support.fuzz_targets import Target, Targets
from support.fuzz_world import CALLERS, authorization
from support.leaks import Sent, repeated
from support.matrices import Covers
from support.refusals import canary

pytestmark = pytest.mark.timeout(sized(180, 1800))
MATRIX = "fuzz, routes x callers"
REACHING = {"citizen", "officer", "nobody"}  # the others are refused before anything is looked at
EXAMPLES, FEW = sized((10, 3), (500, 100))
SKIPPED = sized(3, 1)
# No shrinking: what was done to the database before is part of a case, so that a smaller one is another one.
FUZZING = settings(
    phases=[Phase.explicit, Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@dataclass
class Cell:
    """One route and one caller."""

    target: Target
    service: str
    route: str
    caller: str

    def __post_init__(self) -> None:
        self.world = self.target.world(self.route, self.caller)
        self.who = authorization(self.caller, self.world.owner)
        self.sent = Sent(self.world.known)
        self.told = described(self.service, self.route)
        self.statuses = Counter[int]()

    def attempt(self, case: Case, *, valid: bool = False) -> None:
        """Send a case and look at the answer."""
        answer = case.call(self.target.api.url, self.target.session, self.who, timeout=30)
        self.statuses[answer.status_code] += 1
        check(case, answer, self.sent, self.told, valid=valid)

    def fuzz(self, mode: GenerationMode, examples: int) -> None:
        """Send what hypothesis makes of the description."""
        if mode is GenerationMode.NEGATIVE and not self.told.get("parameters") and "requestBody" not in self.told:
            return  # nothing to be wrong
        operation = operation_of(self.service, self.route, mode, tokens=not self.who)

        @settings(FUZZING, max_examples=examples)
        @given(aimed(operation, mode, self.world))
        def attempt(case: Case) -> None:
            self.attempt(case, valid=mode is GenerationMode.POSITIVE)

        attempt()

    @property
    def may_succeed(self) -> bool:
        """Whether this caller is one the route is for."""
        decides, reads = self.route.endswith(("/accept", "/refuse")), self.route.startswith("GET /v1/dossiers")
        who = {"officer"} if decides else {"citizen", "officer"} if reads else {"citizen"}
        return self.caller in who or "security" not in self.told


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("service", "route"), ROUTES, ids=[route for _, route in ROUTES])
def test_every_answer_is_described_and_repeats_nothing(
    targets: Targets, covers: Covers, service: str, route: str, caller: str
) -> None:
    covers(MATRIX, route, caller)
    target = targets[service]
    cell = Cell(target, service, route, caller)
    cell.attempt(whole(service, route, cell.world))
    assert any(status < 300 for status in cell.statuses) == cell.may_succeed, cell.statuses
    deep = caller in REACHING
    steps = 1 if deep else SKIPPED
    for turn, case in enumerate(systematic(service, route, tokens=not cell.who)[::steps]):
        cell.attempt(aim(case, cell.world, turn))
    for case in islice(marked(service, route, cell.world, canary()), 0, None, steps):
        cell.attempt(case)
    for mode in GenerationMode:
        cell.fuzz(mode, EXAMPLES if deep else FEW)
    assert cell.may_succeed or not any(status < 300 for status in cell.statuses), cell.statuses
    told = target.api.logged()
    target.sent |= cell.sent.all
    assert not repeated(cell.sent.all, told), "the log repeats what was sent"
    assert not re.search('"level":"(error|critical)"', told), told
