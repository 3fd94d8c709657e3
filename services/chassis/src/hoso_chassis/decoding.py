"""From a raw record to an event and its handler, or to the reason why not, which never holds a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

import structlog

from hoso_chassis.dead_letters import DeadLetter
from hoso_chassis.inbound import Inbound, Route
from hoso_chassis.policy import place
from hoso_chassis.records import Record
from hoso_contracts.envelope import CloudEvent, decode, parse
from hoso_contracts.errors import BadRecord, NotACloudEvent, TooLarge, UnknownMajor, WrongShape, WrongTopic
from hoso_contracts.event import Event
from hoso_contracts.registry import event_types

A = TypeVar("A")

log = structlog.get_logger()

_REASONS: Mapping[type[BadRecord], str] = {
    NotACloudEvent: "not-a-cloudevent",
    TooLarge: "too-large",
    UnknownMajor: "unknown-major",
    WrongShape: "wrong-shape",
    WrongTopic: "wrong-topic",
}


@dataclass(frozen=True, slots=True)
class Taken(Generic[A]):
    """A record that has a handler here, and the id of the aggregate it is about."""

    record: Record
    envelope: CloudEvent
    event: Event
    route: Route[A]
    aggregate_id: UUID


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A CloudEvent that this service does not listen to; counted, never an error."""

    record: Record
    type: str


def read(record: Record, inbound: Inbound[A]) -> Taken[A] | PassedOver | DeadLetter:
    """Decode one record; every input ends as one of the three."""
    kind: str | None = None
    try:
        envelope = decode(record.key, record.value, record.headers)
        kind = envelope.type
        route = inbound.routes.get(kind)
        is_heard = route or (kind not in event_types() and inbound.hears(kind))
        event = parse(envelope, record.topic) if is_heard else None
    except BadRecord as error:
        return DeadLetter(record, kind, _REASONS.get(type(error), "bad-record"), error.reason)
    except Exception as error:  # noqa: BLE001 - one record that we fail at must not halt its partition
        log.error("record-not-readable", topic=record.topic, error=place(error))
        return DeadLetter(record, None, "not-readable", place(error), is_fault=True)
    if route is None or event is None:
        return PassedOver(record, kind)
    return Taken(record, envelope, event, route, route.of(event))
