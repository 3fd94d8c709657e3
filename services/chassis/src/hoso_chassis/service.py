"""What a service hands to the chassis: its parts, as one value that its `app.py` builds; nothing is opened here."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fastapi import APIRouter

from hoso_chassis.database import Database
from hoso_chassis.health import Ping
from hoso_chassis.inbound import Inbound, Store
from hoso_chassis.policy import Policy
from hoso_chassis.settings import ServiceSettings
from hoso_chassis.work import Kind

A = TypeVar("A")
S = TypeVar("S", bound=ServiceSettings)


@dataclass(frozen=True, slots=True)
class Periodic:
    """Something the worker does again and again; safe to run in several replicas at once."""

    name: str
    every: float  # seconds
    run: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Parts(Generic[A]):
    """One service, built and not yet started.

    Attributes:
        database: its own database.
        routers: HTTP routes of the api role.
        inbound, store: handlers of the worker role and the store of their aggregate.
        kinds: outside calls of the worker role.
        periodic: repeated tasks of the worker role.
        pings: outside systems that /readyz asks, by name.
        resources: opened at the start of any role, closed at its end.
    """

    database: Database
    store: Store[A]
    inbound: Inbound[A] = field(default_factory=Inbound[Any])
    policy: Policy = field(default_factory=Policy)
    kinds: Sequence[Kind[Any, Any, A]] = ()
    routers: Sequence[APIRouter] = ()
    periodic: Sequence[Periodic] = ()
    pings: Mapping[str, Ping] = field(default_factory=dict[str, Ping])
    resources: Sequence[AbstractAsyncContextManager[Any]] = ()


@dataclass(frozen=True, slots=True)
class Service(Generic[S, A]):
    """A service's name and how it is built from its settings.

    Attributes:
        name: as in CloudEvents `source` "/hoso/<name>" and in the consumer group "hoso.<name>".
        migrations: packages with its SQL files, after the chassis' own.
    """

    name: str
    version: str
    settings: type[S]
    build: Callable[[S], Parts[A]]
    migrations: Sequence[str]

    @property
    def group(self) -> str:
        """Its Kafka consumer group."""
        return f"hoso.{self.name}"

    @property
    def all_migrations(self) -> tuple[str, ...]:
        """The packages to migrate from, in order."""
        return ("hoso_chassis.sql", *self.migrations)
