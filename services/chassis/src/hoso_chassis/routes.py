"""Which documented route a request took; the template only, because a path holds ids."""

from collections.abc import Mapping
from typing import Any

UNMATCHED = "unmatched"


def route_template(scope: Mapping[str, Any]) -> str:
    """Return the template with the prefixes it was included under, "/v1/drafts/{id}", or "unmatched".

    FastAPI keeps the prefixes apart from the route itself, so that `scope["route"]` alone is ambiguous.
    """
    context = scope.get("fastapi", {}).get("effective_route_context")
    found = getattr(context, "path_format", None) or getattr(scope.get("route"), "path_format", None)
    return found if isinstance(found, str) else UNMATCHED
