"""Writes both openapi.json as the code gives them: PYTHONPATH=tests python -m support.openapi_documents."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hoso_chassis.http import openapi_json
from hoso_dossier.app import build as build_dossier
from hoso_storage.app import build as build_storage
from support import dossier_service, storage_service

_NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/none"
_SERVICES: Final = Path(__file__).resolve().parents[2] / "services"


def dossier(folder: Path) -> str:
    """Dossier's description; its keys are put into the folder."""
    parts = build_dossier(dossier_service.settings_of(_NOWHERE, folder))
    return openapi_json(dossier_service.application(parts))


def storage(folder: Path) -> str:
    """Storage's."""
    return openapi_json(storage_service.application(build_storage(storage_service.settings_of(_NOWHERE, folder))))


DOCUMENTS: Final[Mapping[Path, Callable[[Path], str]]] = {
    _SERVICES / "dossier/openapi.json": dossier,
    _SERVICES / "storage/openapi.json": storage,
}

if __name__ == "__main__":
    for file, described in DOCUMENTS.items():
        with TemporaryDirectory() as folder:
            file.write_text(described(Path(folder)), "utf-8")
