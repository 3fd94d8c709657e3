"""The data of an event: written as JSON, and read as the model of its type; it knows no headers."""

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol, get_args

from pydantic import BaseModel, ValidationError

from hoso_contracts.canonical import canonical_json
from hoso_contracts.errors import TooLarge, UnknownMajor, WrongShape, WrongTopic
from hoso_contracts.event import Event
from hoso_contracts.registry import event_types
from hoso_contracts.strict_json import AmbiguousJson, strict_json
from hoso_contracts.topics import TOPICS

EVENT_LIMIT_BYTES: Final = 65_536
"""The most bytes of data that an event may have."""

_WHOLE: Final = "$"
_VERSION: Final = re.compile(r"(?P<name>.+)\.v[0-9]{1,9}", re.ASCII)


class Enveloped(Protocol):
    """What `parse` needs of an envelope."""

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        ...

    @property
    def subject(self) -> str:
        """The aggregate's id."""
        ...

    @property
    def partitionkey(self) -> str:
        """The dossier's id."""
        ...

    @property
    def data(self) -> bytes:
        """The data as it travelled."""
        ...


@lru_cache(maxsize=256)
def dataschema(event_type: str) -> str:
    """The name of a type's JSON Schema: the envelope's `dataschema` and the schema's own `$id`."""
    return f"urn:hoso:schema:{event_type}"


def data_bytes(event: Event) -> bytes:
    """Write an event's data, without absent values: canonical JSON (RFC 8785) on public topics, else compact JSON."""
    if TOPICS[event.topic].public:
        return canonical_json(event.model_dump(mode="json", exclude_none=True))
    return event.model_dump_json(exclude_none=True).encode()


def parse(cloud_event: Enveloped, topic: str | None = None) -> Event | None:
    """Read an event's data as the model of its type.

    Args:
        cloud_event: What `decode` gave.
        topic: The topic it came on (by its contract name, without a cluster's prefix), to have that checked too.

    Returns:
        The event, or None when its type is not known here: then count it and pass over it.

    Raises:
        UnknownMajor: The type is known, in another major version.
        TooLarge: The data is over the limit.
        WrongShape: The data is not what the type promises, or contradicts the envelope's subject or key.
        WrongTopic: A known type on a topic that does not carry it (also a WrongShape).
    """
    model = event_types().get(cloud_event.type)
    if model is None:
        return _refuse_other_major(cloud_event.type)
    if topic is not None and topic != model.topic:
        raise WrongTopic(model.type, model.topic)
    if len(cloud_event.data) > EVENT_LIMIT_BYTES:
        raise TooLarge(model.type, EVENT_LIMIT_BYTES)
    try:
        event = model.model_validate_json(cloud_event.data)
        strict_json(cloud_event.data)
    except ValidationError as error:
        raise WrongShape(model.type, _paths(model, error)) from None
    except AmbiguousJson:
        raise WrongShape(model.type, (_WHOLE,)) from None
    if str(event.dossier_id) != cloud_event.partitionkey.lower():
        raise WrongShape(model.type, ("dossier_id",))
    if str(event.subject) != cloud_event.subject.lower():
        raise WrongShape(model.type, ("subject",))
    return event


def _refuse_other_major(event_type: str) -> None:
    version = _VERSION.fullmatch(event_type)
    known = _known_names().get(version["name"]) if version else None
    if known is not None:
        raise UnknownMajor(known)


@cache
def _known_names() -> Mapping[str, str]:
    """The newest known type of each name without its version."""
    return MappingProxyType({name.rpartition(".v")[0]: name for name in event_types()})


def _paths(model: type[Event], error: ValidationError) -> tuple[str, ...]:
    """Where the data is wrong. What is neither a known field nor an index in a path was sent, and is not repeated."""
    known = _field_names(model)
    locations = (
        details["loc"] for details in error.errors(include_url=False, include_context=False, include_input=False)
    )
    paths = (
        ".".join(str(part) if isinstance(part, int) or part in known else "*" for part in loc) for loc in locations
    )
    return tuple(sorted({path or _WHOLE for path in paths}))


@cache
def _field_names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(_walk(model, set()))


def _walk(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[str]:
    seen.add(model)
    for name, field in model.model_fields.items():
        yield name
        for inner in _models_in(field.annotation):
            if inner not in seen:
                yield from _walk(inner, seen)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
