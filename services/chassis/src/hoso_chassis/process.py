"""One process of one service: starts the roles asked for, and stops them in the order in which nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from starlette.types import ASGIApp

from hoso_chassis import (
    code_version,
    dead_letters,
    http,
    idempotency,
    inbox,
    logs,
    memory,
    metrics,
    migrations,
    operator_actions,
    target_limits,
    tracing,
    work,
    work_floors,
)
from hoso_chassis.batch import Batches
from hoso_chassis.code_version import Standing
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.health import Health, health_app, refusing_while_halted
from hoso_chassis.metrics import HALTED
from hoso_chassis.performer import Performer
from hoso_chassis.performers import performers
from hoso_chassis.policy import Halt, place, reason
from hoso_chassis.postgres import AWAY, CONFLICT, Connection
from hoso_chassis.relay import Relay
from hoso_chassis.service import Parts, Periodic, Service
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.stopping import CLOSED_UNTIL, CUT_SHORT, RELAY_UNTIL, SOURCES_UNTIL, Stopping
from hoso_chassis.tokens import TokenVerifier

ROLES: Final = ("api", "worker", "relay")
_SOURCES, _SERVERS, _RELAY, _LAST = range(4)  # in which order roles are stopped
_SLICE: Final = 1_000  # rows that one statement of housekeeping deletes

log = structlog.get_logger()


_Stoppers = list[Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class Process:
    """The roles of a service that run in this process.

    Attributes:
        look_seconds: between two looks whether the database still allows this code.
    """

    service: Service[Any, Any]
    settings: ServiceSettings
    roles: Sequence[str]
    health: Health = field(default_factory=Health)
    stopping: Stopping = field(default_factory=Stopping)
    look_seconds: float = 2.0
    _stoppers: tuple[_Stoppers, ...] = field(default_factory=lambda: ([], [], [], []))
    _shows_halt: bool = False
    _running: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _periodic: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def run(self) -> int:
        """Run until a signal or a halt; return the exit status.

        Raises:
            DatabaseNotMigrated, MigrationChanged: the database is not the code's.
        """
        HALTED.set(0)
        parts = self.service.build(self.settings)
        self.health.pings.update({"database": parts.database.ping, **parts.pings})
        opened = AsyncExitStack()
        opened.push_async_callback(parts.database.close)
        with self.stopping.listening():
            try:
                status = await self._work(parts, opened)
            finally:
                await self._stop_roles()
                await self.stopping.finish("connections", [opened.aclose], CLOSED_UNTIL)
                log.info("stopped")
        return status or (CUT_SHORT if self.stopping.was_cut else 0)

    async def _work(self, parts: Parts[Any], opened: AsyncExitStack) -> int:
        """Start, unless told to stop meanwhile: a database or a broker that hangs must not keep it from that."""
        starting = asyncio.create_task(self._start(parts, opened))
        asked = asyncio.create_task(self.stopping.asked.wait())
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait({starting}, timeout=1)
                return 0
            await starting
            await asyncio.wait({asked, *self._running}, return_when=asyncio.FIRST_COMPLETED)
            if self.stopping.asked.is_set():
                return 0
            for task in self._running:  # a role that ends by itself is always a failure
                if task.done() and not task.cancelled() and (error := task.exception()):
                    self._halted(error)
        except Halt as error:
            self._halted(error)
        finally:
            asked.cancel()
        return 1

    def _halted(self, error: BaseException) -> None:
        self.health.halted = reason(error)
        self._shows_halt = isinstance(error, Halt)
        HALTED.set(1)
        log.critical("halted", reason=reason(error))

    async def _start(self, parts: Parts[Any], opened: AsyncExitStack) -> None:
        if "api" not in self.roles:
            self._serve(health_app(self.health), self.settings.health_host, self.settings.health_port, _LAST)
        await self._open(parts)
        for resource in parts.resources:
            await opened.enter_async_context(resource)
        await self._start_roles(parts)

    async def _open(self, parts: Parts[Any]) -> None:
        """Wait for the database. Raises DatabaseNotMigrated, MigrationChanged, CodeTooOld."""
        while True:
            try:
                await parts.database.open()
                async with parts.database.connection() as connection:
                    newer = await migrations.require_migrated(connection, self.service.all_migrations)
            except AWAY as error:
                log.warning("waiting-for-database", error=place(error))
                await asyncio.sleep(1)
            else:
                break
        watching = asyncio.create_task(self._watch_versions(parts.database, newer))
        self._running.append(watching)
        self._periodic.append(watching)

    async def _watch_versions(self, database: Database, newer: Sequence[Standing]) -> None:
        """Look again and again whether the database still allows this code. Raises CodeTooOld."""
        have, told = migrations.code_versions(self.service.all_migrations), set[Standing]()
        while True:
            for one in set(newer) - told:
                log.warning("database-newer", package=one.package, code=one.have, database=one.applied)
            told.update(newer)
            await asyncio.sleep(self.look_seconds)
            with suppress(*AWAY, *CONFLICT):
                async with database.connection() as connection:
                    newer = await code_version.require_allowed(connection, have)

    async def _start_roles(self, parts: Parts[Any]) -> None:
        """Start in the order relay, worker, api; stopping goes the other way."""
        if "relay" in self.roles:
            beat = self.health.heartbeat("relay", within=30).beat
            relay = Relay(parts.database, _required(self.settings.kafka_bootstrap_servers), beat)
            self._perform("outbox", relay, stopped=_RELAY)
        if "worker" in self.roles:
            await self._start_worker(parts)
        if "api" in self.roles:
            self._start_api(parts)
        log.info("started", roles=list(self.roles), version=self.service.version)

    async def _start_worker(self, parts: Parts[Any]) -> None:
        for periodic in (*self._housekeeping(parts.database), *parts.periodic):
            self._repeat(periodic)
        beat = self.health.heartbeat
        self._perform("work", *performers(parts, lambda name, within: beat(name, within=within).beat))
        if parts.inbound.routes:
            await self._start_consumer(parts)

    async def _start_consumer(self, parts: Parts[Any]) -> None:
        consumer = Consumer(
            Batches(parts.database, self.service.group, parts.inbound, parts.store, parts.policy),
            _required(self.settings.kafka_bootstrap_servers),
            self.settings.group_instance_id,
            on_turn=self.health.heartbeat("consumer", within=60).beat,
        )
        self._stoppers[_SOURCES].append(consumer.stop)  # also of a start that is broken off
        # Not to end here: it would cut off the calls that are in flight by now. A loop that ends is for _work.
        while not _any_done(self._running) and not await consumer.try_start():
            consumer.on_turn()
            await asyncio.sleep(1)
        self._running.append(consumer.halted)

    def _start_api(self, parts: Parts[Any]) -> None:
        settings = self.settings
        verifier = TokenVerifier(_required(settings.jwks_url), _required(settings.token_issuer))
        self._stoppers[_LAST].append(verifier.close)
        app = http.create_app(
            title=f"Hoso {self.service.name}",
            version=self.service.version,
            routers=parts.routers,
            health=self.health,
            verifier=verifier,
            body_limit=settings.body_limit,
            body_seconds=settings.body_seconds,
        )
        self._serve(refusing_while_halted(app, self.health), settings.http_host, settings.http_port, _SERVERS)

    def _serve(self, app: ASGIApp, host: str, port: int | None, stopped: int) -> None:
        server = http.server(app, host, _required(port))
        task = asyncio.create_task(server.serve())

        async def stop() -> None:
            server.should_exit = True
            with suppress(http.CannotListen):  # the reason of this stop, and told
                await task

        self._running.append(task)
        self._stoppers[stopped].append(stop)

    def _perform(self, name: str, *loops: Relay | Performer[Any], stopped: int = _SOURCES) -> None:
        """Run the loops and measure what waits for them; all stop at the same time, with what is in hand finished."""
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        for loop in loops:
            self._repeat(Periodic(f"{name}-metrics", 5, loop.measure))

        async def stop() -> None:
            for loop in loops:
                loop.stop()
            await asyncio.gather(*tasks)

        self._running += tasks
        self._stoppers[stopped].append(stop)

    def _repeat(self, periodic: Periodic) -> None:
        """Run it every so many seconds; a failure is told and does not end it."""

        async def turn() -> None:
            while True:
                try:
                    await periodic.run()
                except Exception as error:  # noqa: BLE001 - the next turn is the retry
                    log.error("periodic-failed", name=periodic.name, error=place(error))
                await asyncio.sleep(periodic.every)

        self._periodic.append(asyncio.create_task(turn()))

    def _housekeeping(self, database: Database) -> Iterator[Periodic]:
        """What every service's worker clears away; each by itself, so that one that fails keeps none from its turn."""

        async def idempotency_keys(connection: Connection) -> None:
            while await idempotency.forget_expired(connection, _SLICE) == _SLICE:
                continue  # by slices, so that no statement is long

        def clearing(step: Callable[[Connection], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
            async def clear() -> None:
                async with database.connection() as connection:
                    await step(connection)

            return clear

        steps: dict[str, Callable[[Connection], Awaitable[None]]] = {
            "inbox": lambda connection: inbox.keep_window(connection, database.clock()),
            "dead-letters": dead_letters.forget_old,
            "dead-work": work.forget_dead,
            "work-calls": target_limits.forget_calls,
            "operator-actions": operator_actions.forget_old,
            "idempotency-keys": idempotency_keys,
        }
        for name, step in steps.items():
            yield Periodic(f"housekeeping-{name}", 3600, clearing(step))
        yield Periodic("housekeeping-work-work_floors", 600, clearing(work_floors.lift))

    async def _stop_roles(self) -> None:
        """HTTP stops accepting, batches in hand and calls in flight finish; then the relay drains; each has its time.

        After a halt the health server says why for a while, and an api role refuses everything else meanwhile.
        """
        self.stopping.begin()
        log.info("stopping")
        for task in self._periodic:
            task.cancel()
        sources = self._stoppers[_SOURCES] if self._shows_halt else self._stoppers[_SOURCES] + self._stoppers[_SERVERS]
        await self.stopping.finish("roles", sources, SOURCES_UNTIL)
        await self.stopping.finish("relay", self._stoppers[_RELAY], RELAY_UNTIL)
        if self._shows_halt:
            self.stopping.begin_anew()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.asked.wait(), self.settings.halt_shown_seconds)
            await self.stopping.finish("server", self._stoppers[_SERVERS], SOURCES_UNTIL)
        await self.stopping.finish("health", self._stoppers[_LAST], CLOSED_UNTIL)


def _any_done(tasks: Sequence[asyncio.Future[None]]) -> bool:
    return any(task.done() for task in tasks)


def _required(value: Any) -> Any:
    if value is None:
        raise SystemExit("a setting of this role is missing: see the environment table in the README")
    return value


async def serve(service: Service[Any, Any], settings: ServiceSettings, roles: Sequence[str]) -> int:
    """Configure what the whole process shares, then run the roles."""
    role = "-".join(roles)
    memory.keep_in_memory()
    logs.configure(service.name, role, settings.log_level)
    tracing.configure(service.name, role, settings.spans_file)
    metrics.configure(service.name)
    try:
        return await Process(service, settings, roles, stopping=Stopping(owns_process=True)).run()
    finally:
        tracing.close()
