"""The applications that the access matrix is about, as their processes make them, and the routes they have."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette

from hoso_chassis.health import Health, health_app
from hoso_chassis.http import create_app
from hoso_chassis.service import Parts
from hoso_chassis.tokens import TokenVerifier
from hoso_identity.app import build as build_identity
from hoso_identity.settings import IdentitySettings
from hoso_notify.app import build as build_notify
from hoso_notify.settings import NotifySettings
from support.access import Row
from support.notify import SETTINGS

SERVICES: Final = Path(__file__).resolve().parents[2] / "services"
NO_DATABASE: Final = "postgresql://nobody@127.0.0.1:1/none"
Route = tuple[str, str, str]


def applications(
    dossier: Parts[Any], storage: Parts[Any], verifier: TokenVerifier | None = None
) -> Mapping[str, Starlette]:
    """Everything that listens: the api role of each service, and the health port of the other roles."""
    identity = build_identity(
        IdentitySettings.model_validate({"database_url": NO_DATABASE, "population_url": "http://127.0.0.1:1"})
    )
    notify = build_notify(NotifySettings.model_validate({**SETTINGS, "database_url": NO_DATABASE}))
    parts: Mapping[str, Parts[Any]] = {"dossier": dossier, "storage": storage, "identity": identity, "notify": notify}
    apis: dict[str, Starlette] = {
        name: create_app(title=f"Hoso {name}", version="0.1.0", routers=one.routers, health=Health(), verifier=verifier)
        for name, one in parts.items()
    }
    return apis | {"worker and relay": health_app(Health())}


def routes_of(service: str, app: Starlette) -> set[Route]:
    """Every route that an application has, also those its description leaves out."""
    found: set[Route] = set()
    for route in iter_route_contexts(app.routes):
        assert route.methods, f"{service} has a route of a kind that the access matrix does not know"
        found |= {(service, method, str(route.path_format)) for method in route.methods}
    return found


def described(service: str) -> set[Route]:
    """Every route of a service's committed description; none when it has no description."""
    file = SERVICES / service / "openapi.json"
    paths: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8"))["paths"] if file.exists() else {}
    return {(service, method.upper(), path) for path, operations in paths.items() for method in operations}


def differences(routes: Iterable[Route], rows: Iterable[Row]) -> dict[str, set[Route]]:
    """Routes that have no row, and rows that have no route."""
    here, there = set(routes), {row.route for row in rows}
    return {"without a row": here - there, "without a route": there - here}
