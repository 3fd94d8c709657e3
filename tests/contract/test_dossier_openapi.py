"""The description of dossier's HTTP API leaves no route and no refusal out."""

import json
from pathlib import Path
from typing import Any

from support.openapi_documents import dossier

CREATES = {"/v1/drafts", "/v1/drafts/{draft_id}/submit"}
ACTIONS = {"/v1/dossiers/{dossier_id}/accept", "/v1/dossiers/{dossier_id}/refuse"}


def operations(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    paths = json.loads(dossier(folder))["paths"]
    return {(method, path): operation for path, found in paths.items() for method, operation in found.items()}


def refusals(operation: dict[str, Any]) -> set[str]:
    return {status for status in operation["responses"] if status >= "4"}


def test_every_route_of_the_first_release_is_dossier(tmp_path: Path) -> None:
    assert set(operations(tmp_path)) == {
        ("get", "/v1/procedures"),
        ("get", "/v1/procedures/{code}"),
        ("post", "/v1/drafts"),
        ("get", "/v1/drafts/{draft_id}"),
        ("patch", "/v1/drafts/{draft_id}"),
        ("post", "/v1/drafts/{draft_id}/submit"),
        ("get", "/v1/dossiers"),
        ("get", "/v1/dossiers/{dossier_id}"),
        ("get", "/v1/dossiers/{dossier_id}/timeline"),
        ("post", "/v1/dossiers/{dossier_id}/accept"),
        ("post", "/v1/dossiers/{dossier_id}/refuse"),
    }


def test_every_route_documents_what_it_refuses(tmp_path: Path) -> None:
    for (method, path), operation in operations(tmp_path).items():
        needed = {"400", "408", "431", "500", "503"}
        needed |= {"401", "403"} if "security" in operation else set()
        needed |= {"422"} if {one["in"] for one in operation.get("parameters", ())} & {"path", "query"} else set()
        needed |= {"404"} if "{" in path or path == "/v1/dossiers" else set()
        needed |= {"413", "415", "422"} if method != "get" else set()
        needed |= {"409"} if path in CREATES | ACTIONS else set()
        needed |= {"412", "428"} if method == "patch" or path in ACTIONS else set()
        assert refusals(operation) == needed, (method, path)


def test_only_the_catalogue_is_open_to_everybody(tmp_path: Path) -> None:
    open_to_all = {path for (_, path), operation in operations(tmp_path).items() if "security" not in operation}
    assert open_to_all == {"/v1/procedures", "/v1/procedures/{code}"}


def test_creates_take_a_key_changes_take_the_version_seen_and_actions_take_both(tmp_path: Path) -> None:
    for (method, path), operation in operations(tmp_path).items():
        headers = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
        expected = {"Idempotency-Key"} if path in CREATES | ACTIONS else set[str]()
        expected |= {"If-Match"} if method == "patch" or path in ACTIONS else set()
        assert headers == expected, (method, path)
