"""The contracts of Hoso: topics, events and their envelope; nothing here connects to anything."""

from hoso_contracts.dossier import (
    STATUSES,
    AttachmentReference,
    DossierAccepted,
    DossierRefused,
    DossierSubmitted,
    DossierSupplementRequested,
)
from hoso_contracts.envelope import (
    BadRecord,
    CloudEvent,
    NotACloudEvent,
    Record,
    TooLarge,
    UnknownMajor,
    WrongShape,
    WrongTopic,
    data_bytes,
    decode,
    encode,
    parse,
)
from hoso_contracts.event import Event
from hoso_contracts.registry import event_types
from hoso_contracts.topics import TOPICS, Topic

__all__ = [
    "STATUSES",
    "TOPICS",
    "AttachmentReference",
    "BadRecord",
    "CloudEvent",
    "DossierAccepted",
    "DossierRefused",
    "DossierSubmitted",
    "DossierSupplementRequested",
    "Event",
    "NotACloudEvent",
    "Record",
    "TooLarge",
    "Topic",
    "UnknownMajor",
    "WrongShape",
    "WrongTopic",
    "data_bytes",
    "decode",
    "encode",
    "event_types",
    "parse",
]
