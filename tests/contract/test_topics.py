"""What every topic of the contracts has to say, and that what it says is so."""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from hoso_chassis.inbound import Inbound
from hoso_contracts import TOPICS, Event, Topic
from support.contract_files import HOME, MODELS, TOPIC_FILES, personal_classes, topic_data

DAY_MS = 86_400_000
SERVICES = {"dossier", "identity", "storage", "notify"}
OUTSIDE = {"agencies", "load"}  # readers that are no service of this repository
EVENT_TYPE = re.compile(r"hoso\.[a-z]+(-[a-z]+)*\.([a-z]+-)*([a-z]+ed|paid|withdrawn)\.v[1-9][0-9]*")
BROKER_SETTINGS = {
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": "344064",
    "compression.type": "uncompressed",
}

every_topic = pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
every_file = pytest.mark.parametrize("file", TOPIC_FILES, ids=lambda file: file.stem)


def read(data: dict[str, Any]) -> Topic:
    return TypeAdapter(Topic).validate_json(json.dumps(data))


def inbound_of(service: str) -> Inbound[Any]:
    return importlib.import_module(f"hoso_{service}.handlers").inbound


def test_there_are_the_topics_of_this_release() -> None:
    assert set(TOPICS) == {
        "attachment.check-requests.v1",
        "attachment.lifecycle.v1",
        "dossier.lifecycle.v1",
        "identity.verification-requests.v1",
        "identity.verifications.v1",
        "notification.deliveries.v1",
        "notification.requests.v1",
    }


@every_file
def test_a_file_describes_the_topic_it_is_named_after(file: Path) -> None:
    topic = read(topic_data(file))
    assert file.name == f"{topic.name}.yaml"
    assert topic == TOPICS[topic.name]


@every_file
def test_a_file_says_everything_and_nothing_else(file: Path) -> None:
    data = topic_data(file)
    for key in data:
        misspelt = {(f"{name}s" if name == key else name): value for name, value in data.items()}
        with pytest.raises(ValidationError):
            read(misspelt)
        with pytest.raises(ValidationError):
            read({name: value for name, value in data.items() if name != key})
        with pytest.raises(ValidationError):
            read({**data, f"{key}s": data[key]})


@every_topic
def test_its_owner_and_producers_are_services(topic: Topic) -> None:
    assert all((HOME.parent / "services" / one).is_dir() for one in SERVICES)
    assert set(topic.producers) <= SERVICES
    assert topic.owner in topic.producers


@every_topic
def test_its_consumers_exist_and_read_it(topic: Topic) -> None:
    readers = {service for service in SERVICES if topic.name in inbound_of(service).topics}
    assert set(topic.consumers) - OUTSIDE == readers
    assert len(set(topic.consumers)) == len(topic.consumers)


@every_topic
def test_its_key_is_the_dossier_in_every_event(topic: Topic) -> None:
    assert topic.key == "dossier_id"
    assert all(MODELS[name].model_fields[topic.key].is_required() for name in topic.types)


@every_topic
def test_it_has_twelve_partitions(topic: Topic) -> None:
    assert topic.partitions == 12


@every_topic
def test_it_is_kept_over_a_long_weekend_and_then_gone(topic: Topic) -> None:
    assert topic.cleanup_policy == "delete"
    assert 7 * DAY_MS <= topic.retention_ms <= 30 * DAY_MS
    assert topic.retention_ms % DAY_MS == 0
    assert topic.segment_ms * 28 <= topic.retention_ms
    assert topic.config == BROKER_SETTINGS


@every_topic
def test_personal_data_is_kept_for_a_week_at_most(topic: Topic) -> None:
    assert topic.personal_data == "none" or topic.retention_ms <= 7 * DAY_MS


@every_topic
def test_its_class_of_personal_data_is_that_of_its_fields(topic: Topic) -> None:
    marked = {mark for name in topic.types for mark in personal_classes(MODELS[name])}
    assert marked == {topic.personal_data} - {"none"}


@every_topic
def test_commands_have_one_reader_and_are_named_as_requests(topic: Topic) -> None:
    assert (topic.kind == "commands") == topic.name.endswith("requests.v1")
    assert (topic.kind == "commands") == all(name.endswith("requested.v1") for name in topic.types)
    assert topic.kind == "events" or len(topic.consumers) == 1


@every_topic
def test_what_is_public_is_sequenced_and_free_of_personal_data(topic: Topic) -> None:
    assert topic.public == ("agencies" in topic.consumers)
    assert not topic.public or (topic.sequenced and topic.kind == "events" and topic.personal_data == "none")


@every_topic
def test_its_event_types_are_past_participles_and_models_of_that_topic(topic: Topic) -> None:
    assert len(set(topic.types)) == len(topic.types)
    for name in topic.types:
        assert EVENT_TYPE.fullmatch(name)
        assert MODELS[name].topic == topic.name


@every_topic
def test_its_description_is_a_sentence(topic: Topic) -> None:
    assert topic.description[0].isupper()
    assert topic.description.endswith(".")


def test_every_event_type_is_in_exactly_one_topic() -> None:
    carried = [name for topic in TOPICS.values() for name in topic.types]
    assert sorted(carried) == sorted(MODELS)


@every_topic
def test_a_sequenced_topic_counts_the_events_of_a_dossier(topic: Topic) -> None:
    assert not topic.sequenced or all(MODELS[name].subject is Event.subject for name in topic.types)
