"""The client side of the simulated PostgreSQL: what the chassis uses of asyncpg; a request may lose itself anywhere."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import asyncpg

from simulation.faults import World
from simulation.postgres import Reply, Session
from simulation.processes import here
from simulation.rows import Transaction, Waiting
from simulation.statements import STATEMENTS, Answer


class UnknownStatement(BaseException):
    """The simulated PostgreSQL has no such statement: write it into simulation/statements.py."""


@dataclass(slots=True, eq=False)
class SimulatedConnection:
    """One connection as the process sees it."""

    world: World
    session: Session
    depth: int = 0
    _answer: asyncio.Future[Any] | None = None

    def __post_init__(self) -> None:
        self.session.lost = self._is_lost

    async def fetch(self, query: str, *arguments: Any) -> Sequence[Any]:
        return (await self._statement(query, arguments)).rows

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        rows = await self.fetch(query, *arguments)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        row = await self.fetchrow(query, *arguments)
        return None if row is None else next(iter(row.values()))

    async def execute(self, query: str, *arguments: Any) -> str:
        return (await self._statement(query, arguments)).tag

    async def executemany(self, query: str, rows: Sequence[Any]) -> None:
        make = _statement(query)

        def all_of_them(transaction: Transaction) -> Waiting:
            for row in rows:
                yield from make(self.world.tables, transaction, *row)

        def run(reply: Reply) -> None:
            self.world.server.run(self.session, all_of_them, reply)

        await self._request(make.__name__, run)

    def transaction(self) -> "ClientTransaction":
        return ClientTransaction(self)

    async def _statement(self, query: str, arguments: Sequence[Any]) -> Answer:
        make = _statement(query)

        def steps(transaction: Transaction) -> Waiting:
            return make(self.world.tables, transaction, *arguments)

        def run(reply: Reply) -> None:
            self.world.server.run(self.session, steps, reply)

        return await self._request(make.__name__, run)

    async def control(self, word: str) -> None:
        def run(reply: Reply) -> None:
            self.world.server.control(self.session, word)
            reply(None, None)

        await self._request(word, run)

    async def _request(self, words: str, run: Any) -> Any:
        owner, world = here(), self.world
        owner.require_life()
        if not self.session.is_open:
            raise asyncpg.InterfaceError("connection is closed")
        fate = await world.fate(f"{self.session.name} {words}")
        self._answer = answer = world.loop.create_future()
        world.loop.serve(world.chance.latency(), self._arrive, run, answer, fate)
        try:
            return await answer
        except asyncio.CancelledError:
            world.loop.serve(world.chance.latency(), world.server.cut, self.session)
            raise
        finally:
            self._answer = None

    def _arrive(self, run: Any, answer: asyncio.Future[Any], fate: str) -> None:
        if not self.session.is_open:
            self._is_lost()
            return
        if fate == "cut before":
            self.world.server.cut(self.session)
            return

        def reply(result: Any, error: Exception | None) -> None:
            if fate == "cut after":
                self.world.server.cut(self.session)
            else:
                self.world.loop.serve(self.world.chance.latency(), _answer, answer, result, error)

        run(reply)

    def _is_lost(self) -> None:
        if self._answer is not None:
            error = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            self.world.loop.serve(self.world.chance.latency(), _answer, self._answer, None, error)


def _answer(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _statement(query: str) -> Any:
    if (found := STATEMENTS.get(query)) is None:
        raise UnknownStatement(query)
    return found


@dataclass(slots=True)
class ClientTransaction:
    """`async with connection.transaction()`: a transaction, or a savepoint inside of one."""

    connection: SimulatedConnection

    async def __aenter__(self) -> None:
        await self.connection.control("savepoint" if self.connection.depth else "begin")
        self.connection.depth += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.connection.depth -= 1
        inner = self.connection.depth > 0
        if kind is None:
            await self.connection.control("release" if inner else "commit")
        else:
            await self.connection.control("rollback to" if inner else "rollback")


@dataclass(slots=True, eq=False)
class SimulatedPool:
    """Connections that are used again; as many as are asked for."""

    world: World
    _idle: list[SimulatedConnection] = field(default_factory=list[SimulatedConnection])

    @asynccontextmanager
    async def acquire(self, timeout: float) -> AsyncGenerator[SimulatedConnection]:  # noqa: ARG002, ASYNC109 - as asyncpg's
        connection = self._take() or await self._connect()
        try:
            yield connection
        finally:
            connection.depth = 0
            if connection.session.is_open and connection.session.transaction is None:
                self._idle.append(connection)
            else:
                self.world.loop.serve(0.0, self.world.server.cut, connection.session)

    def _take(self) -> SimulatedConnection | None:
        here().require_life()
        while self._idle:
            if (connection := self._idle.pop()).session.is_open:
                return connection
        return None

    async def _connect(self) -> SimulatedConnection:
        await self.world.fate("connect")
        await asyncio.sleep(self.world.chance.latency())
        if (session := self.world.server.connect()) is None:
            raise ConnectionRefusedError("the database is away")
        here().sessions.append(session)
        return SimulatedConnection(self.world, session)

    async def close(self) -> None:
        here().require_life()
        for connection in self._idle:
            self.world.server.cut(connection.session)

    def terminate(self) -> None:
        """Nothing is left to end: `close` never waits."""
