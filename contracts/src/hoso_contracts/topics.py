"""The topics as data, read from the packaged topics.json; it talks to no broker."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hoso_contracts.personal_data import PersonalDataClass

Service = Annotated[str, Field(pattern=r"^[a-z][a-z-]*$", max_length=40)]


class Topic(BaseModel):
    """One topic: who owns it, what travels in it, how long it is kept.

    Attributes:
        name: "<what>.<of what>.v<major>"; on a shared cluster the deployment may put a prefix before it.
        description: What it carries, for somebody who decides whether to read it.
        owner: The service that decides on its shape and answers for it.
        producers: Who writes it.
        consumers: Who reads it; nobody is left out, so that a new major version knows whom to wait for.
        key: The data's field that is the record key: everything of one key stays in order.
        kind: "events" that happened, or "commands" that one service asks of another.
        public: Written for readers outside; its data is canonical JSON and free of personal data.
        sequenced: Each event has its place in its subject's stream, from 1 without gaps.
        personal_data: The class of personal data that its events carry, or "none".
        types: The event types in it; a reader passes over those that it does not know.
        partitions: How many; fixed, because a key's partition depends on it.
        cleanup_policy: The broker's way of forgetting.
        retention_ms: How long a record is kept at least, in milliseconds.
        segment_ms: How long after that it may still be there, in milliseconds.
        config: Further settings by the broker's own names, as text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*$", max_length=100)]
    description: Annotated[str, Field(min_length=20)]
    owner: Service
    producers: Annotated[tuple[Service, ...], Field(min_length=1)]
    consumers: Annotated[tuple[Service, ...], Field(min_length=1)]
    key: Annotated[str, Field(min_length=1)]
    kind: Literal["events", "commands"]
    public: bool
    sequenced: bool
    personal_data: Literal["none"] | PersonalDataClass
    types: Annotated[tuple[str, ...], Field(min_length=1)]
    partitions: Annotated[int, Field(ge=1, le=1024)]
    cleanup_policy: Literal["delete", "compact"]
    retention_ms: Annotated[int, Field(ge=1)]
    segment_ms: Annotated[int, Field(ge=1)]
    config: Mapping[str, str]

    @property
    def broker_config(self) -> Mapping[str, str]:
        """Every configuration of the topic by the broker's own names, as text."""
        return {
            "cleanup.policy": self.cleanup_policy,
            "retention.ms": str(self.retention_ms),
            "segment.ms": str(self.segment_ms),
            **self.config,
        }


def _read() -> Mapping[str, Topic]:
    text = files("hoso_contracts").joinpath("topics.json").read_bytes()
    topics = TypeAdapter(tuple[Topic, ...]).validate_json(text)
    return MappingProxyType({topic.name: topic for topic in topics})


TOPICS: Mapping[str, Topic] = _read()
"""Every topic of these contracts, by name."""
