"""The server of a simulated PostgreSQL: sessions, statements that wait, deadlocks, time-outs; it knows no table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from simulation.chance import Chance, moment
from simulation.loop import SimulatedLoop
from simulation.rows import Numbers, Transaction, Waiting

LOCK_SECONDS: Final = 5.0  # the pool's lock_timeout
Reply = Callable[[Any, Exception | None], None]
Changes = list[tuple[Any, Any]]


@dataclass(slots=True, eq=False)
class Session:
    """One connection as the server sees it."""

    name: str
    is_open: bool = True
    transaction: Transaction | None = None
    savepoints: list[int] = field(default_factory=list[int])
    statement: "Statement | None" = None
    lost: Callable[[], None] = lambda: None
    last_heard: float = 0.0


@dataclass(slots=True, eq=False)
class Statement:
    """One statement that runs, or waits for another transaction."""

    session: Session
    transaction: Transaction
    steps: Waiting
    reply: Reply
    blocker: Transaction | None = None
    deadline: Any = None


@dataclass(slots=True, eq=False)
class Server:
    """One PostgreSQL. `committed` is told of every commit before anybody else can see it."""

    loop: SimulatedLoop
    chance: Chance
    committed: Callable[[Changes], None] = lambda _: None
    away_until: float = 0.0
    sessions: list[Session] = field(default_factory=list[Session])
    _parked: list[Statement] = field(default_factory=list[Statement])
    _number: int = 0
    _numbers: Numbers = field(default_factory=Numbers)

    def connect(self) -> Session | None:
        """A new session; None while the server is away."""
        if self.loop.now < self.away_until:
            return None
        self._number += 1
        session = Session(f"s{self._number}")
        self.sessions.append(session)
        return session

    def restart(self, seconds: float) -> None:
        """Cut every connection and let nobody in for so long."""
        self.away_until = self.loop.now + seconds
        for session in list(self.sessions):
            self.cut(session)

    def cut(self, session: Session) -> None:
        """The connection is gone: roll back what it had open."""
        if not session.is_open:
            return
        session.is_open = False
        self.sessions.remove(session)
        if (statement := session.statement) is not None:
            self._unpark(statement)
            session.statement = None
            if statement.transaction is not session.transaction:
                self._end(statement.transaction, commit=False)
        if session.transaction is not None:
            self._end(session.transaction, commit=False)
        session.lost()

    def cut_idle(self, session: Session, heard: float) -> None:
        """idle_in_transaction_session_timeout: nothing came since `heard`."""
        if (
            session.is_open
            and session.transaction is not None
            and session.last_heard == heard
            and not session.statement
        ):
            self.cut(session)

    def run(self, session: Session, make: Callable[[Transaction], Waiting], reply: Reply) -> None:
        """Run a statement in the session's transaction, or in one of its own."""
        session.last_heard = self.loop.now
        transaction = session.transaction
        if transaction is not None and transaction.is_failed:
            return reply(None, asyncpg.InFailedSQLTransactionError("current transaction is aborted"))
        if transaction is None:
            transaction = Transaction(session.name, moment(self.loop.now), self._numbers)
        session.statement = Statement(session, transaction, make(transaction), reply)
        return self._advance(session.statement)

    def control(self, session: Session, word: str) -> None:
        """BEGIN, COMMIT, ROLLBACK, SAVEPOINT, RELEASE or ROLLBACK TO."""
        session.last_heard = self.loop.now
        if word == "begin":
            session.transaction = Transaction(session.name, moment(self.loop.now), self._numbers)
            return
        transaction = session.transaction
        assert transaction is not None
        if word in {"commit", "rollback"}:
            session.transaction = None
            self._end(transaction, commit=word == "commit" and not transaction.is_failed)
        elif word == "savepoint":
            session.savepoints.append(transaction.savepoint())
        elif word == "release":
            session.savepoints.pop()
        else:
            transaction.rollback_to(session.savepoints.pop())
            transaction.is_failed = False
            self._wake(transaction)

    def _advance(self, statement: Statement) -> None:
        try:
            statement.blocker = next(statement.steps)
        except StopIteration as end:
            self._finish(statement, end.value, None)
        except asyncpg.PostgresError as error:
            self._finish(statement, None, error)
        else:
            if statement.blocker is None:
                self.loop.serve(self.chance.latency(), self._go_on, statement)
            else:
                self._park(statement)

    def _park(self, statement: Statement) -> None:
        self._parked.append(statement)
        if self._is_circle(statement):
            self._give_up(statement, asyncpg.DeadlockDetectedError("deadlock detected"))
        else:
            timeout = asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
            statement.deadline = self.loop.serve(LOCK_SECONDS, self._give_up, statement, timeout)

    def _give_up(self, statement: Statement, error: Exception) -> None:
        self._unpark(statement)
        self._finish(statement, None, error)

    def _is_circle(self, statement: Statement) -> bool:
        waits = {id(one.transaction): one.blocker for one in self._parked}
        seen, one = {id(statement.transaction)}, statement.blocker
        while one is not None:
            if id(one) in seen:
                return True
            seen.add(id(one))
            one = waits.get(id(one))
        return False

    def _finish(self, statement: Statement, result: Any, error: Exception | None) -> None:
        session, transaction = statement.session, statement.transaction
        session.statement = None
        if transaction is not session.transaction:
            self._end(transaction, commit=error is None)
        elif error is not None:
            transaction.is_failed = True
        statement.reply(result, error)

    def _end(self, transaction: Transaction, *, commit: bool) -> None:
        if commit:
            transaction.commit()
            if transaction.changed:
                self.committed(transaction.changed)
        else:
            transaction.rollback()
        self._wake(transaction)

    def _wake(self, transaction: Transaction) -> None:
        for statement in [one for one in self._parked if one.blocker is transaction]:
            self._unpark(statement)
            self.loop.serve(0.0, self._go_on, statement)

    def _go_on(self, statement: Statement) -> None:
        if statement.session.statement is statement:
            self._advance(statement)

    def _unpark(self, statement: Statement) -> None:
        if statement in self._parked:
            self._parked.remove(statement)
        if statement.deadline is not None:
            statement.deadline.cancel()
            statement.deadline = None
