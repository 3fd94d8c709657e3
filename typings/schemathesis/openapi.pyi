"""How a description is read."""

from typing import Any

from schemathesis import BaseSchema
from schemathesis.config import SchemathesisConfig

def from_dict(schema: dict[str, Any], *, config: SchemathesisConfig) -> BaseSchema: ...
