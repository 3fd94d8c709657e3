"""Every route of a committed openapi.json with a request that reaches its handler and changes nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import UUID, uuid4

from support.storage_samples import content_type, form

SERVICES: Final = Path(__file__).parents[2] / "services"
Kind = Literal["none", "json", "form"]
_NEVER: Final = '"999999"'  # an ETag that no version has


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, and what is sent to it.

    Attributes:
        name: service, method and template: a row of the matrix.
        kind: which body it takes.
        ids: the parts of `path` that are ids.
        body: is refused late, whatever else is right, so that no exchange leaves anything.
        word: stands in the body, and in whatever is sent beside it.
    """

    name: str
    method: str
    path: str
    kind: Kind
    ids: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    word: str

    def but(self, **changed: Any) -> "Route":
        """The same with other parts; headers are added to, and left out where they are None."""
        headers = {**self.headers, **changed.pop("headers", {})}
        return replace(self, headers={name: value for name, value in headers.items() if value is not None}, **changed)

    def head(self, *lines: str, method: str = "", target: str = "", version: str = "HTTP/1.1") -> bytes:
        """Request line and headers, with these lines behind them; latin-1, because any byte may be in there."""
        first = f"{method or self.method} {target or self.path} {version}"
        own = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([first, *own, *lines, "", ""]).encode("latin-1")

    def sized(self, *lines: str, **line: str) -> bytes:
        """The whole request: head, the length where there is a body, body."""
        length = [f"content-length: {len(self.body)}"] if self.body else []
        return self.head(*length, *lines, **line) + self.body


def routes(service: str, known: Mapping[str, str], headers: Mapping[str, str], word: str) -> Iterator[Route]:
    """Yield the routes of a service's committed description.

    Args:
        service: whose.
        known: values of parameters, by name, or by "<place> <name>"; others get a new UUID.
        headers: of a caller; what the route itself wants is added.
        word: stands in the body.
    """
    document = json.loads((SERVICES / service / "openapi.json").read_text("utf-8"))
    for template, operations in document["paths"].items():
        shared = operations.pop("parameters", [])
        for method, operation in operations.items():
            wanted = [_resolved(document, one) for one in [*shared, *operation.get("parameters", [])]]
            values = {one["name"]: _value(one, known) for one in wanted}
            path = re.sub(r"\{([a-z_]+)\}", lambda found, of=values: quote(of[found[1]]), template)
            query = [f"{one['name']}={quote(values[one['name']])}" for one in wanted if one["in"] == "query"]
            own = {one["name"].lower(): values[one["name"]] for one in wanted if one["in"] == "header"}
            kind, body, typed = _body(operation.get("requestBody", {}).get("content", {}), word)
            yield Route(
                name=f"{service} {method.upper()} {template}",
                method=method.upper(),
                path=path + ("?" + "&".join(query) if query else ""),
                kind=kind,
                ids=tuple(values[one["name"]] for one in wanted if one["in"] == "path" and _is_id(values[one["name"]])),
                headers={"host": service, **headers, **own, **typed},
                body=body,
                word=word,
            )


def _resolved(document: Any, parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in parameter:
        return parameter
    found = document
    for part in parameter["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _value(parameter: Mapping[str, Any], known: Mapping[str, str]) -> str:
    name = parameter["name"]
    if name == "If-Match":
        return _NEVER
    return known.get(f"{parameter['in']} {name}", known.get(name)) or str(uuid4())


def _is_id(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _body(content: Mapping[str, Any], word: str) -> tuple[Kind, bytes, dict[str, str]]:
    if not content:
        return "none", b"", {}
    if "multipart/form-data" in content:  # no PDF, JPEG or PNG
        return "form", form(uuid4(), word.encode()), {"content-type": content_type()}
    return "json", json.dumps({word: "0"}).encode(), {"content-type": next(iter(sorted(content)))}
