"""One schedule by its seed: builds the simulated machines, lets faults happen, waits for rest, and asks the rules."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import TopicPartition

from simulation.chance import Chance, moment
from simulation.faults import World
from simulation.group import Group
from simulation.kafka import Broker
from simulation.lives import Fleet
from simulation.loop import EndlessSchedule, SimulatedLoop
from simulation.outside import Outside
from simulation.plan import PARTITIONS, TOPIC, Plan, written
from simulation.postgres import Server
from simulation.replaced import Machines, replaced
from simulation.rules import Rules
from simulation.tables import Tables

_CALM_AT: Final = 30.0  # virtual seconds after which nothing goes wrong any more
_REST_WITHIN: Final = 200.0  # virtual seconds in which all must be done then
_STEPS: Final = 300_000
_LOOK: Final = 0.25
_SENDING: Final = 2.5  # virtual seconds in which the inputs come


@dataclass(slots=True)
class Verdict:
    """How a schedule ended: the rules it broke, and its trace."""

    seed: int
    breaches: list[str]
    trace: list[str]
    seconds: float

    def words(self) -> str:
        """For whoever reads a failing test."""
        replay = f"replay it with HOSO_SIMULATION_SEED={self.seed}; its last steps:"
        return "\n".join((*self.breaches[:5], replay, *self.trace[-60:]))


def run(seed: int) -> Verdict:
    """Run one schedule; the same seed gives the same trace."""
    schedule = Schedule(Chance(seed))
    with replaced(schedule.machines):
        return schedule.run()


@dataclass(slots=True, eq=False)
class Schedule:
    """The machines of one schedule, and what is to happen to them."""

    chance: Chance
    loop: SimulatedLoop = field(default_factory=SimulatedLoop)
    machines: Machines = field(init=False)
    rules: Rules = field(init=False)
    fleet: Fleet = field(init=False)
    _is_over: bool = False
    _quiet: int = 0
    _last_planned: float = 0.0

    def __post_init__(self) -> None:
        chance, loop = self.chance, self.loop
        chance.faults_left = chance.random.choice((0, 2, 4, 8, 16))
        chance.often = chance.random.choice((0.005, 0.02, 0.06))
        chance.slowness = chance.random.choice((0.0, 0.0, 0.01, 0.05))
        plan = Plan.draw(chance)
        tables = Tables(lambda: moment(loop.now))
        world = World(loop, chance, tables, Server(loop, chance))
        broker = Broker(loop, PARTITIONS)
        group = Group(world, [TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        outside = Outside(world, plan)
        self.rules = Rules(plan, tables, broker, outside)
        world.server.committed, broker.committed = self.rules.on_commit, self.rules.on_facts
        outside.begins, outside.effect = self.rules.on_begin, self.rules.on_effect
        self.machines = Machines(world, broker, group)
        self.fleet = Fleet(world, outside, self.rules)

    def run(self) -> Verdict:
        """Let it happen."""
        self._plan_ahead()
        try:
            self.loop.run_while(lambda: not (self._is_over or self.rules.breaches or self.loop.failures), _STEPS)
            self.rules.breaches += self.loop.failures
            if not self.rules.breaches:
                self.rules.at_the_end()
        except EndlessSchedule as error:
            self.rules.breaches.append(str(error))
        verdict = Verdict(self.chance.seed, list(self.rules.breaches), list(self.chance.trace), self.loop.now)
        self.fleet.clear_away()
        return verdict

    def _plan_ahead(self) -> None:
        random = self.chance.random
        for _ in range(random.choice((2, 2, 3))):
            self.fleet.begin_place()
        moments = sorted(random.random() * _SENDING for _ in self.rules.plan.inputs)
        for moment_, one in zip(moments, self.rules.plan.inputs, strict=True):
            self.loop.serve(moment_, self._send, one)
        if self.chance.faults_left:
            for _ in range(random.choice((0, 0, 1, 2))):
                self._at(random.uniform(0.5, 6.0), self.machines.group.rebalance)
            for _ in range(random.choice((0, 1, 2, 3))):
                self._at(random.uniform(0.1, 6.0), random.choice((self.fleet.kill, self.fleet.stop, self.fleet.end)))
        self.loop.serve(_CALM_AT, self._calm)
        self.loop.serve(_SENDING + 1.0, self._look)

    def _at(self, seconds: float, strike: Callable[[], None]) -> None:
        self._last_planned = max(self._last_planned, seconds)
        self.loop.serve(seconds, strike)

    def _send(self, one: Any) -> None:
        log = self.machines.broker.log(TOPIC, one.partition)
        entry = log.append(written(one), self.loop.now)
        self.rules.sent[one.partition, entry.record.offset] = one
        self.chance.tell(self.loop.now, f"input {one.number} {one.kind} at {one.partition}/{entry.record.offset}")
        if self.chance.random.random() < 0.2:
            log.append((None, None, ()), self.loop.now, self.chance.random.choice(("marker", "aborted")))
        self.machines.broker.tell_readers()

    def _calm(self) -> None:
        self.chance.faults_left = 0
        self.chance.tell(self.loop.now, "from here on nothing goes wrong")

    def _look(self) -> None:
        quiet = self.loop.now > self._last_planned and not self.fleet.is_any_stopped and self.rules.is_quiet()
        self._quiet = self._quiet + 1 if quiet else 0
        if self._quiet >= 3:
            self._is_over = True
        elif self.loop.now > _CALM_AT + _REST_WITHIN:
            self.rules.breaches.append(f"no rest: {self.rules.what_is_left()}")
        self.loop.serve(_LOOK, self._look)
