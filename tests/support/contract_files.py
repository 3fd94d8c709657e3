"""The files of hoso-contracts as its tests read them, and the models that go with them."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, TypeGuard, get_args
from uuid import UUID

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import hoso_contracts
from hoso_contracts import TOPICS, CloudEvent, Event, data_bytes
from hoso_contracts.payload import dataschema
from hoso_contracts.personal_data import Personal
from hoso_contracts.registry import GROUP

HOME = Path(__file__).parents[2] / "contracts"
PACKAGE = HOME / "src" / "hoso_contracts"
TOPIC_FILES = sorted((PACKAGE / "topics").iterdir())
SCHEMA_FILES = sorted((PACKAGE / "schemas").iterdir())
EXAMPLE_FILES = sorted((PACKAGE / "examples").iterdir())

MODULES = [f"hoso_contracts.{module.name}" for module in pkgutil.iter_modules(hoso_contracts.__path__)]
ENTRY_POINTS = {
    point.name: point.value for point in distribution("hoso-contracts").entry_points if point.group == GROUP
}
MODELS: dict[str, type[Event]] = {
    point.name: point.load() for point in distribution("hoso-contracts").entry_points if point.group == GROUP
}


@dataclass(frozen=True, slots=True)
class Example:
    """One example: the data of an event as somebody wrote it by hand."""

    file: Path

    @property
    def name(self) -> str:
        return self.file.name.removesuffix(".json")

    @property
    def type(self) -> str:
        """Its event type: what its file name begins with, up to the major version."""
        return ".".join(self.name.split(".")[:4])

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.file.read_bytes())

    @property
    def event(self) -> Event:
        return MODELS[self.type].model_validate_json(self.file.read_bytes())


EXAMPLES = [Example(file) for file in EXAMPLE_FILES]


def examples_of(topic: str) -> list[Example]:
    """The examples of everything that travels on a topic."""
    return [one for one in EXAMPLES if one.type in TOPICS[topic].types]


def topic_data(file: Path) -> dict[str, Any]:
    """What a topic's file says, before anybody has judged it."""
    return yaml.safe_load(file.read_text("utf-8"))


def enveloped(event: Event) -> CloudEvent:
    """The event as its producer would announce it."""
    topic = TOPICS[event.topic]
    return CloudEvent(
        id=UUID("01a20b55-c4a0-7000-8000-000000000001"),
        source=f"/hoso/{topic.owner}",
        type=event.type,
        subject=str(event.subject),
        time=datetime(2026, 11, 24, 2, 15, tzinfo=UTC),
        partitionkey=str(event.dossier_id),
        data=data_bytes(event),
        dataschema=dataschema(event.type),
        correlationid=UUID("01a20b55-c4a0-7000-8000-000000000002"),
        causationid=UUID("01a20b55-c4a0-7000-8000-000000000003"),
        sequence=7 if topic.sequenced else None,
    )


def defined_events() -> Iterator[type[Event]]:
    """Every class in the package that is an event of a type of its own."""
    for module in map(importlib.import_module, MODULES):
        for value in vars(module).values():
            if _is_event(value) and value.__module__ == module.__name__ and "type" in vars(value):
                yield value


def _is_event(value: object) -> TypeGuard[type[Event]]:
    return isinstance(value, type) and issubclass(value, Event)


def fields_of(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """All fields of a model and of the models inside it, by their path."""
    for name, field in model.model_fields.items():
        yield f"{path}{name}", field
        for inner in _models_in(field.annotation):
            yield from fields_of(inner, f"{path}{name}.")


def personal_classes(model: type[BaseModel]) -> set[str]:
    """The classes of personal data that a model's fields are marked with."""
    return {mark.data_class for _, field in fields_of(model) for mark in field.metadata if isinstance(mark, Personal)}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
