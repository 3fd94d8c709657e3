"""What a kind of odd record is, and how it must end at a consumer; plain values, nothing is sent here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast
from uuid import UUID

from hoso_contracts.envelope import CloudEvent, encode
from hoso_contracts.event import Event
from support.raw_records import Raw

Outcome = Literal["taken", "duplicate", "passed-over", "dead letter", "unread"]


@dataclass(frozen=True, slots=True)
class End:
    """How a record ends.

    Attributes:
        outcome: "unread": no reader is ever shown it, because its transaction was aborted.
        reason: of the dead letter.
        detail: of the dead letter, where `{type}` stands for the good event's type and `{instants}` for its instants.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""

    def of(self, good: "Good") -> "End":
        """The same with the names of a good event in their places."""
        told = self.detail.replace("{type}", good.event.type).replace("{instants}", ", ".join(good.instants))
        return replace(self, detail=told)


TAKEN: Final = End("taken")
DUPLICATE: Final = End("duplicate")
PASSED_OVER: Final = End("passed-over")
UNREAD: Final = End("unread")


def no_event(detail: str) -> End:
    """It is no CloudEvent of these contracts."""
    return End("dead letter", "not-a-cloudevent", detail)


def wrong_shape(*fields: str) -> End:
    """The data does not have the shape that its type promises."""
    return End("dead letter", "wrong-shape", f"wrong shape of {{type}}: {', '.join(fields)}")


@dataclass(frozen=True, slots=True)
class Good:
    """A good event, in its envelope, about an aggregate that no other record is about.

    Attributes:
        service, topic: who reads it, and where.
        event: what it says.
        envelope: how it is announced.
        personal: somebody's values, to be planted where they must not be repeated.
        contradiction: the same kind of event, saying what the reader knows to be impossible; None where nothing is.
        stranger: about a dossier that nobody knows; None where the reader knows every id.
        elsewhere: of a type that the topic may not have.
        unheard: of a type that the reader has no handler for.
    """

    service: str
    topic: str
    event: Event
    envelope: CloudEvent
    personal: Mapping[str, str]
    elsewhere: CloudEvent
    unheard: CloudEvent
    contradiction: CloudEvent | None = None
    stranger: CloudEvent | None = None

    @property
    def about(self) -> UUID:
        """The dossier."""
        return self.event.dossier_id

    @property
    def raw(self) -> Raw:
        """The record as Hoso writes it."""
        return Raw.of(encode(self.envelope))

    @property
    def data(self) -> dict[str, Any]:
        """The data, to be changed."""
        return json.loads(self.envelope.data)

    @property
    def instants(self) -> list[str]:
        """Paths of its instants, sorted."""
        paths = list(self.data)
        for path, value in self.data.items():
            if isinstance(value, dict):
                paths += [f"{path}.{name}" for name in cast("Mapping[str, Any]", value)]
        return sorted(path for path in paths if path.endswith("_at"))

    @property
    def planted(self) -> str:
        """All the personal values in one text."""
        return " ".join(self.personal.values())

    def saying(self, data: object) -> Raw:
        """The record with other data."""
        return replace(self.raw, value=json.dumps(data, ensure_ascii=False).encode())

    def enveloped(self, **changed: Any) -> Raw:
        """The record with another envelope."""
        return Raw.of(encode(replace(self.envelope, **changed)))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of odd record.

    Attributes:
        name: what is odd, for people.
        end: how it ends; of several records each.
        make: the records.
        at: other ends, by the name of the service, or of service and topic.
        tried_at: the services that it can be tried at; all when empty.
    """

    name: str
    end: End | Sequence[End]
    make: Callable[[Good], Raw | Sequence[Raw]]
    at: Mapping[str, End | Sequence[End]] = field(default_factory=dict[str, "End | Sequence[End]"])
    tried_at: Sequence[str] = ()

    def applies(self, service: str, topic: str) -> bool:
        """Whether it can be tried there."""
        return not self.tried_at or service in self.tried_at or f"{service} {topic}" in self.tried_at

    def records(self, good: Good) -> list[tuple[Raw, End]]:
        """The records made of a good event, each with its end there."""
        made = self.make(good)
        raws = [made] if isinstance(made, Raw) else list(made)
        given = self.at.get(f"{good.service} {good.topic}") or self.at.get(good.service) or self.end
        ends = [given] if isinstance(given, End) else list(given)
        return [(raw, end.of(good)) for raw, end in zip(raws, ends, strict=True)]
