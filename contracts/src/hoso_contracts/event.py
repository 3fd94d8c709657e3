"""What every event is: a frozen pydantic model with a type, a topic and a dossier; it knows nothing of Kafka."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from hoso_contracts.personal_data import Personal

Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
"""A code or an open value: ASCII letters, digits, dot, dash, underscore; at most 64 characters."""

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=300)]
"""One line for people: no control characters, at most 300 characters."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 digest as 64 lower-case hexadecimal digits."""


class Message(BaseModel):
    """The rules common to events and to the objects inside them.

    Frozen. Unknown fields are ignored, so that an older reader survives a newer writer. Types are strict (no text for a
    number, no number for an instant), so that model and JSON Schema agree. Neither ``repr`` nor a validation error
    shows personal data.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        fields = type(self).model_fields
        for name, value in super().__repr_args__():
            hidden = name in fields and any(isinstance(mark, Personal) for mark in fields[name].metadata)
            yield (name, "…") if hidden else (name, value)


class Event(Message):
    """One thing that happened (or is asked for), about one dossier.

    Attributes:
        type: The full CloudEvents type, such as "hoso.dossier.submitted.v1".
        topic: The topic that carries it, such as "dossier.lifecycle.v1".
    """

    type: ClassVar[str]
    topic: ClassVar[str]

    dossier_id: Annotated[
        UUID,
        Field(description="The dossier this is about; also the record's key and `partitionkey`. It never changes."),
    ]

    @property
    def subject(self) -> UUID:
        """The aggregate whose stream this belongs to (CloudEvents `subject`): the dossier unless a type has another."""
        return self.dossier_id
