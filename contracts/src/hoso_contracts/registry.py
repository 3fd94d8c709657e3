"""Which event types are installed, by entry points; it decides nothing about them."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType

from hoso_contracts.event import Event

GROUP = "hoso.events"


@cache
def event_types() -> Mapping[str, type[Event]]:
    """All installed event types, by their full CloudEvents type.

    Returns:
        A read-only mapping such as ``{"hoso.dossier.submitted.v1": DossierSubmitted, …}``; read once a process.

    Raises:
        TypeError: An entry point names something that is no event, or an event of another type.
    """
    found: dict[str, type[Event]] = {}
    for point in sorted(entry_points(group=GROUP)):
        loaded = point.load()
        if not (isinstance(loaded, type) and issubclass(loaded, Event) and loaded.type == point.name):
            raise TypeError(f"entry point {point.name} of {GROUP} does not name the event of that type: {point.value}")
        found[point.name] = loaded
    return MappingProxyType(found)
