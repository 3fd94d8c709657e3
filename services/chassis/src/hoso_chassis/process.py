"""One process of one service: starts the roles asked for, and stops them in the order in which nothing is lost."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from starlette.types import ASGIApp

from hoso_chassis import (
    dead_letters,
    http,
    idempotency,
    inbox,
    logs,
    memory,
    metrics,
    migrations,
    operator_actions,
    tracing,
    work,
)
from hoso_chassis.batch import Batches
from hoso_chassis.breaker import Breaker
from hoso_chassis.consumer import Consumer
from hoso_chassis.database import Database
from hoso_chassis.health import Health, health_app
from hoso_chassis.performer import Performer
from hoso_chassis.policy import Halt, place, reason
from hoso_chassis.postgres import AWAY, Connection
from hoso_chassis.relay import Relay
from hoso_chassis.service import Parts, Periodic, Service
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.tokens import TokenVerifier

ROLES: Final = ("api", "worker", "relay")
STOP_SECONDS: Final = 30.0
_SLICE: Final = 1_000  # rows that one statement of housekeeping deletes

log = structlog.get_logger()


@dataclass(slots=True)
class Process:
    """The roles of a service that run in this process."""

    service: Service[Any, Any]
    settings: ServiceSettings
    roles: Sequence[str]
    health: Health = field(default_factory=Health)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _stoppers: list[Callable[[], Awaitable[None]]] = field(default_factory=list[Callable[[], Awaitable[None]]])
    _running: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    _periodic: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def run(self) -> int:
        """Run until a signal or a halt; return the exit status."""
        self._listen_to_signals()
        parts = self.service.build(self.settings)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(parts.database.close)
            self.health.pings.update({"database": parts.database.ping, **parts.pings})
            if "api" not in self.roles:
                self._serve(health_app(self.health), self.settings.health_host, self.settings.health_port)
            status = 0
            if await self._open(parts):
                for resource in parts.resources:
                    await stack.enter_async_context(resource)
                await self._start_roles(parts)
                status = await self._until_stopped()
            await self._stop_roles()
            return status

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            os._exit(1)  # the second signal: at once, which is as safe as being killed
        self._stop.set()

    async def _open(self, parts: Parts[Any]) -> bool:
        """Wait for the database; False when told to stop meanwhile. Raises DatabaseNotMigrated."""
        while not self._stop.is_set():
            try:
                await parts.database.open()
                async with parts.database.connection() as connection:
                    await migrations.require_migrated(connection, self.service.all_migrations)
            except AWAY as error:
                log.warning("waiting-for-database", error=place(error))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), 1)
            else:
                return True
        return False

    async def _start_roles(self, parts: Parts[Any]) -> None:
        """Start in the order relay, worker, api; stopping goes the other way."""
        if "relay" in self.roles:
            beat = self.health.heartbeat("relay", within=30).beat
            self._perform("outbox", Relay(parts.database, _required(self.settings.kafka_bootstrap_servers), beat))
        if "worker" in self.roles:
            await self._start_worker(parts)
        if "api" in self.roles:
            self._start_api(parts)
        log.info("started", roles=list(self.roles), version=self.service.version)

    async def _start_worker(self, parts: Parts[Any]) -> None:
        for periodic in (*self._housekeeping(parts.database), *parts.periodic):
            self._repeat(periodic)
        breakers = {kind.target: Breaker(kind.target) for kind in parts.kinds}
        beats = [self.health.heartbeat(f"work-{kind.name}", within=kind.timeout + 30).beat for kind in parts.kinds]
        performers = [
            Performer(parts.database, kind, parts.store, breakers[kind.target], beat)
            for kind, beat in zip(parts.kinds, beats, strict=True)
        ]
        self._perform("work", *performers)
        if parts.inbound.routes:
            await self._start_consumer(parts)

    async def _start_consumer(self, parts: Parts[Any]) -> None:
        consumer = Consumer(
            Batches(parts.database, self.service.group, parts.inbound, parts.store, parts.policy),
            _required(self.settings.kafka_bootstrap_servers),
            self.settings.group_instance_id,
            on_turn=self.health.heartbeat("consumer", within=60).beat,
        )
        # Not to end here: it would cut off the calls that are in flight by now. A loop that ends is for _until_stopped.
        while not self._stop.is_set() and not _any_done(self._running) and not await consumer.try_start():
            consumer.on_turn()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), 1)
        self._running.append(consumer.halted)
        self._stoppers.append(consumer.stop)

    def _start_api(self, parts: Parts[Any]) -> None:
        settings = self.settings
        verifier = TokenVerifier(_required(settings.jwks_url), _required(settings.token_issuer))
        self._stoppers.append(verifier.close)
        app = http.create_app(
            title=f"Hoso {self.service.name}",
            version=self.service.version,
            routers=parts.routers,
            health=self.health,
            verifier=verifier,
            body_limit=settings.body_limit,
            body_seconds=settings.body_seconds,
        )
        self._serve(app, settings.http_host, settings.http_port)

    def _serve(self, app: ASGIApp, host: str, port: int | None) -> None:
        server = http.server(app, host, _required(port))
        task = asyncio.create_task(server.serve())

        async def stop() -> None:
            server.should_exit = True
            await task

        self._running.append(task)
        self._stoppers.append(stop)

    def _perform(self, name: str, *loops: Relay | Performer[Any]) -> None:
        """Run the loops and measure what waits for them; all stop at the same time, with what is in hand finished."""
        tasks = [asyncio.create_task(loop.run()) for loop in loops]
        for loop in loops:
            self._repeat(Periodic(f"{name}-metrics", 5, loop.measure))

        async def stop() -> None:
            for loop in loops:
                loop.stop()
            await asyncio.gather(*tasks)

        self._running += tasks
        self._stoppers.append(stop)

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
            "operator-actions": operator_actions.forget_old,
            "idempotency-keys": idempotency_keys,
        }
        for name, step in steps.items():
            yield Periodic(f"housekeeping-{name}", 3600, clearing(step))

    async def _until_stopped(self) -> int:
        """Until a signal (0), or until a role ends by itself, which is always a failure (1)."""
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({stop, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        if self._stop.is_set():
            return 0
        stop.cancel()
        for task in self._running:
            if task.done() and not task.cancelled() and (error := task.exception()):
                self.health.halted = reason(error)
                log.critical("halted", reason=reason(error))
        return 1

    async def _stop_roles(self) -> None:
        """HTTP stops accepting, batches in hand and calls in flight finish, the relay drains, inside 30 seconds."""
        log.info("stopping")
        for task in self._periodic:
            task.cancel()
        try:
            async with asyncio.timeout(STOP_SECONDS - 5):
                for stop in reversed(self._stoppers):
                    with suppress(Halt, http.CannotListen):
                        await stop()
        except TimeoutError:
            log.error("stop-took-too-long", seconds=STOP_SECONDS - 5)
        log.info("stopped")


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
        return await Process(service, settings, roles).run()
    finally:
        tracing.close()
