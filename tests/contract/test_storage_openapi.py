"""The description of storage's HTTP API names the parts of an upload; its work has an age."""

import json
from pathlib import Path

from hoso_chassis.service import Parts
from hoso_storage.app import build
from hoso_storage.domain import DraftFiles
from hoso_storage.handlers import SCAN
from support.openapi_documents import storage
from support.storage_service import settings_of


def built(folder: Path) -> Parts[DraftFiles]:
    return build(settings_of("postgresql://nobody@127.0.0.1:1/none", folder))


def test_the_upload_documents_its_three_parts_in_order(tmp_path: Path) -> None:
    upload = json.loads(storage(tmp_path))["paths"]["/v1/attachments"]["post"]
    schema = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert schema["required"] == ["draft_id", "component", "file"]
    assert {parameter["name"] for parameter in upload["parameters"]} == {"Idempotency-Key"}


def test_every_kind_of_work_that_is_ordered_has_an_age(tmp_path: Path) -> None:
    parts = built(tmp_path)
    assert {kind.name for kind in parts.kinds} == set(parts.database.max_ages) == {SCAN}
