"""Which handler takes which event, and the store of the aggregate it decides on; registration only."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable
from uuid import UUID

from hoso_chassis.consequences import Consequence
from hoso_chassis.postgres import Connection
from hoso_contracts.event import Event

A = TypeVar("A")
E = TypeVar("E", bound=Event)

Handler = Callable[[E, A], Iterable[Consequence]]


class Store(Protocol[A]):
    """How aggregates of one kind are loaded and saved, many at a time."""

    async def load(self, connection: Connection, ids: Sequence[UUID]) -> dict[UUID, A]:
        """Lock and load in id order. An id that may be new gets a fresh aggregate; one that must exist is left out."""
        ...

    async def save(self, connection: Connection, aggregates: Sequence[A]) -> None:
        """Write all of them with set-based statements."""
        ...


@runtime_checkable
class Recalling(Protocol):
    """A store that also knows what an aggregate must have of its neighbours before it is asked for `superseded`."""

    async def recall(self, connection: Connection, event: Any, aggregate: Any) -> None:
        """Put it into the loaded aggregate; called at a redrive only."""
        ...


@dataclass(frozen=True, slots=True)
class Route(Generic[A]):
    """One handler.

    Attributes:
        of: names the aggregate that an event is about.
        superseded: whether the aggregate has moved past an event that comes late; asked at a redrive only.
    """

    event_type: type[Event]
    of: Callable[[Any], UUID]
    handler: Callable[[Any, A], Iterable[Consequence]]
    superseded: Callable[[Any, A], bool] | None = None


@dataclass(slots=True)
class Inbound(Generic[A]):
    """The handlers of one service, by event type; all of them decide on the same kind of aggregate."""

    routes: dict[str, Route[A]] = field(default_factory=dict[str, Route[A]])

    def on(
        self, event_type: type[E], *, of: Callable[[E], UUID], superseded: Callable[[E, A], bool] | None = None
    ) -> Callable[[Handler[E, A]], Handler[E, A]]:
        """Register a plain function from (event, loaded aggregate) to what follows.

        Args:
            event_type: what it handles.
            of: names the aggregate that an event is about.
            superseded: whether the aggregate has moved past an event that comes late; asked only when a dead letter
                is redriven, and such a letter is then removed without an effect.
        """

        def register(handler: Handler[E, A]) -> Handler[E, A]:
            if event_type.type in self.routes:
                raise ValueError(f"{event_type.type} has a handler already")
            self.routes[event_type.type] = Route(event_type, of, handler, superseded)
            return handler

        return register

    def hears(self, event_type: str) -> bool:
        """Whether a type has a handler here in some major version."""
        return any(known.rpartition(".v")[0] == event_type.rpartition(".v")[0] for known in self.routes)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics to subscribe to, sorted."""
        return tuple(sorted({route.event_type.topic for route in self.routes.values()}))
