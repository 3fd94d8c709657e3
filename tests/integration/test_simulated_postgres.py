"""The simulated PostgreSQL answers as the real one: the same statements by chance on two connections of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from hoso_chassis import claims, inbox, outbox, positions, work
from hoso_chassis.database import Database
from simulation.answers import Answer
from simulation.chance import Chance, moment
from simulation.loop import SimulatedLoop
from simulation.postgres import Server, Session
from simulation.rows import Transaction
from simulation.statements import STATEMENTS
from simulation.tables import Tables
from support.form import sized

TIME = datetime(2026, 11, 25, tzinfo=UTC)
SHOWN = ("next_offset", "id", "key", "attempts", "lost_claims", "blocked", "sequence", "count")
CONTROL = {"begin": "BEGIN", "commit": "COMMIT", "rollback": "ROLLBACK", "savepoint": "SAVEPOINT s"}
Step = tuple[str, Sequence[Any]]


@dataclass
class Simulated:
    """Two sessions of the simulated server, asked one statement at a time."""

    loop: SimulatedLoop = field(default_factory=SimulatedLoop)

    def __post_init__(self) -> None:
        self.tables = Tables(lambda: moment(self.loop.now))
        self.server = Server(self.loop, Chance(0))
        self.sessions = [self._session(), self._session()]

    def _session(self) -> Session:
        session = self.server.connect()
        assert session is not None
        return session

    def ask(self, number: int, query: str, arguments: Sequence[Any]) -> Answer:
        """The answer; virtual time goes on by a millisecond."""
        answers: list[tuple[Any, Exception | None]] = []

        def steps(transaction: Transaction) -> Any:
            return STATEMENTS[query](self.tables, transaction, *arguments)

        def reply(result: Any, error: Exception | None) -> None:
            answers.append((result, error))

        self.loop.serve(0.001, self.server.run, self.sessions[number], steps, reply)
        self.loop.run_while(lambda: not answers, 1_000)
        result, error = answers[0]
        assert error is None, error
        return result

    def control(self, number: int, word: str) -> None:
        """BEGIN and the like."""
        self.loop.serve(0.001, self.server.control, self.sessions[number], word)
        self.loop.run_while(lambda: True, 1_000)


@dataclass
class Caller:
    """What one connection does next, so that it never waits for the other one."""

    number: int
    random: Random
    is_open: bool = False
    has_savepoint: bool = False
    jobs: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])

    def word(self) -> str | None:
        """A word that opens or ends something, sometimes."""
        if self.random.random() > 0.3:
            return None
        if not self.is_open:
            words = ["begin"]
        else:
            words = ["commit", "rollback", "rollback to" if self.has_savepoint else "savepoint"]
        word = self.random.choice(words)
        self.is_open = word not in {"commit", "rollback"}
        self.has_savepoint = word == "savepoint"
        return word

    def step(self, other: "Caller") -> Step:
        """A statement with its arguments."""
        kinds: list[Callable[[], Step]] = [self._look, self._remember, self._begin, self._move, self._work, self._claim]
        if not other.is_open and self.jobs:
            kinds += [self._settle, self._promote, self._retry]
        return self.random.choice(kinds if other.is_open else [*kinds, self._demote, self._announce])()

    def _group(self) -> str:
        return f"group-{self.number}"

    def _look(self) -> Step:
        return positions._LOAD, [f"group-{self.random.randrange(2)}", ["t", "t"], [0, 1]]

    def _begin(self) -> Step:
        return positions._BEGIN, [self._group(), ["t", "t"], [0, 1], [5, 5]]

    def _move(self) -> Step:
        return positions._ADVANCE, [self._group(), ["t"], [0], [self.random.choice((5, 6))], [6]]

    def _remember(self) -> Step:
        ids = [UUID(int=self.random.randrange(4)) for _ in range(3)]
        return inbox._ADD, [[self._group()] * 3, ids, [TIME] * 3]

    def _announce(self) -> Step:
        return outbox._NEXT_SEQUENCES, [["t"], [UUID(int=self.random.randrange(2))], [self.random.randint(1, 3)]]

    def _work(self) -> Step:
        keys = [f"k{self.random.randrange(3)}" for _ in range(2)]
        nothing = [None, None]
        same = [[UUID(int=self.number)] * 2, [b"{}"] * 2, [timedelta(days=1)] * 2, nothing, nothing, nothing, nothing]
        return work._INSERT, [["mail"] * 2, keys, *same, [1, 1]]

    def _claim(self) -> Step:
        lease = timedelta(seconds=self.random.choice((0, 1000)))
        return claims._CLAIM, [
            "mail",
            *claims.sides({}),
            20,
            20,
            lease,
            20,
            False,
        ]  # all: of equal instants either may come first

    def _demote(self) -> Step:
        return claims._DEMOTE, ["mail", *claims.sides({}), 20]

    def _settle(self) -> Step:
        identity, attempts, _ = self.random.choice(self.jobs)
        return claims._SETTLE, [[identity], [attempts]]

    def _retry(self) -> Step:
        identity, attempts, _ = self.random.choice(self.jobs)
        return claims._RETRY, [[identity], [attempts], [timedelta(0)], ["again"], [False]]

    def _promote(self) -> Step:
        return claims._PROMOTE, [[self.random.choice(self.jobs)[2]]]


def told(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Of the rows what both must say alike."""
    return [{name: row[name] for name in SHOWN if name in dict(row)} for row in rows]


@pytest.mark.parametrize("seed", range(sized(8, 200)))
async def test_the_same_statements_have_the_same_answers(database: Database, seed: int) -> None:
    random, simulated = Random(seed), Simulated()  # noqa: S311 - to be foreseen is the purpose
    callers = [Caller(number, random) for number in range(2)]
    async with database.connection() as one, database.connection() as two:
        real: Sequence[Any] = (one, two)
        for _ in range(60):
            caller = random.choice(callers)
            connection = real[caller.number]
            if (word := caller.word()) is not None:
                simulated.control(caller.number, word)
                await connection.execute(CONTROL.get(word, "ROLLBACK TO s; RELEASE s"))
            query, arguments = caller.step(callers[1 - caller.number])
            here, there = simulated.ask(caller.number, query, arguments), await connection.fetch(query, *arguments)
            assert told(here.rows) == told(there), (query, arguments)
            if query == claims._CLAIM:
                caller.jobs += [(row["id"], row["attempts"], row["key"]) for row in there if row["id"] is not None]
        for connection, caller in zip(real, callers, strict=True):
            if caller.is_open:
                await connection.execute("ROLLBACK")
