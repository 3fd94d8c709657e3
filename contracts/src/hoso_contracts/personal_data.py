"""The marker of personal data: which fields hold some, and of which class; it holds no rule of its own."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

PersonalDataClass = Literal["identity", "contact"]


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field as personal data: ``Annotated[str, Personal("identity")]``.

    The class is shown in the JSON Schema as ``x-personal-data``, and the value is left out of the event's ``repr``.

    Attributes:
        data_class: "identity" (who somebody is) or "contact" (where somebody is reached).
    """

    data_class: PersonalDataClass

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Add ``x-personal-data`` to the field's JSON Schema."""
        return {**handler(schema), "x-personal-data": self.data_class}
