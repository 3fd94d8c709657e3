"""The settings of a schema."""

from typing import Any, Self

class SchemathesisConfig:
    generation: Any
    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self: ...
