"""What the environment may say."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hoso_dossier.app import build
from hoso_dossier.identity_numbers import Profile
from hoso_dossier.settings import DossierSettings


def settings(**given: Any) -> DossierSettings:
    needed: dict[str, Any] = {"database_url": "postgresql://u:s3cret@h/d", "receipt_public_keys_file": "/none"}
    return DossierSettings(**(needed | given))


def test_only_synthetic_numbers_are_taken_unless_somebody_says_otherwise() -> None:
    assert settings().identity_number_profile is Profile.SYNTHETIC


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_prefix": "G01"},
        {"code_prefix": "G01.999.000.000-"},
        {"code_block_size": 0},
        {"code_epoch": -1},
        {"identity_number_profile": "both"},
        {"verification_overdue_seconds": 0},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**wrong)
    assert "s3cret" not in str(refused.value)


def test_without_receipt_keys_nothing_is_built(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="RECEIPT_PUBLIC_KEYS_FILE"):
        build(settings(receipt_public_keys_file=tmp_path / "none.json"))
