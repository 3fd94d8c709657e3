"""Every event model can be found, is described field by field, and marks the personal data that it holds."""

import re
import tomllib

import pytest

from hoso_contracts import TOPICS, Event, event_types
from support.contract_files import (
    ENTRY_POINTS,
    EXAMPLES,
    HOME,
    MODELS,
    SCHEMA_FILES,
    Example,
    defined_events,
    fields_of,
    personal_classes,
)

every_model = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.__name__)

# Names under which personal data travels when somebody forgets to mark it.
TELLING = re.compile(
    r"(^|_)(name|surname|birth|dob|gender|sex|identity|passport|card|number|phone|mobile|mail|email|address|recipient|"
    r"contact|citizen|person|applicant|declarant|owner|officer|unit|file|filename|ip|note|detail|text|body)(_|$)"
)
HARMLESS = {"parameters.procedure_name"}  # a title of the public catalogue


def test_the_entry_points_installed_are_those_of_the_project() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["hoso.events"] == ENTRY_POINTS


def test_every_model_in_the_package_is_an_entry_point_by_its_full_type() -> None:
    assert {model.type: model for model in defined_events()} == MODELS
    assert len(list(defined_events())) == len(MODELS)


def test_the_registry_finds_every_type() -> None:
    assert {name: event_types()[name] for name in MODELS} == MODELS


def test_every_type_has_a_schema_and_there_is_no_other() -> None:
    assert {file.name for file in SCHEMA_FILES} == {f"{name}.json" for name in MODELS}


def test_every_type_has_an_example_and_there_is_no_other() -> None:
    assert {one.type for one in EXAMPLES} == set(MODELS)
    assert set(MODELS) <= {one.name for one in EXAMPLES}
    assert all(one.file.suffix == ".json" for one in EXAMPLES)


@every_model
def test_it_says_what_happened(model: type[Event]) -> None:
    assert model.__doc__ != Event.__doc__
    assert re.match(r"[A-Z].{20,}", model.__doc__ or "")
    assert "__doc__" in vars(model)


@every_model
def test_every_field_is_described(model: type[Event]) -> None:
    undescribed = [path for path, field in fields_of(model) if not re.match(r"\S.{10,}\.$", field.description or "")]
    assert undescribed == []


@every_model
def test_instants_say_that_they_are_utc(model: type[Event]) -> None:
    instants = [field for path, field in fields_of(model) if path.endswith("_at")]
    assert instants
    assert all("UTC" in (field.description or "") for field in instants)


@every_model
def test_a_field_that_sounds_like_personal_data_is_marked(model: type[Event]) -> None:
    marked = {path for path, field in fields_of(model) if any(hasattr(mark, "data_class") for mark in field.metadata)}
    telling = {path for path, _ in fields_of(model) if TELLING.search(path.rpartition(".")[2])}
    assert telling - HARMLESS <= marked


@pytest.mark.parametrize(
    "model", [one for one in MODELS.values() if TOPICS[one.topic].public], ids=lambda m: m.__name__
)
def test_a_public_event_holds_no_personal_data(model: type[Event]) -> None:
    assert personal_classes(model) == set()
    assert [path for path, _ in fields_of(model) if TELLING.search(path.rpartition(".")[2])] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_personal_data_does_not_show_in_its_text(example: Example) -> None:
    hidden = [
        str(example.data[path])
        for path, field in fields_of(MODELS[example.type])
        if any(hasattr(mark, "data_class") for mark in field.metadata)
    ]
    assert [value for value in hidden if value in repr(example.event)] == []
