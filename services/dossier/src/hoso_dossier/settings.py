"""What a dossier process is told by its environment, beside what every service is told."""

from pathlib import Path

from pydantic import Field

from hoso_chassis.settings import ServiceSettings
from hoso_dossier.identity_numbers import Profile


class DossierSettings(ServiceSettings):
    """Settings of dossier; the environment's names are the upper-case field names."""

    receipt_public_keys_file: Path = Field(
        description="JWKS file with the public keys (Ed25519) that attachment receipts are signed with."
    )
    code_prefix: str = Field(
        "G01.999.000.000",
        pattern=r"^[A-Z][0-9]{2}(\.[0-9]{2,3}){2,3}$",
        description="First part of the dossier codes issued here; never the handling unit.",
    )
    code_block_size: int = Field(20, ge=1, le=10_000, description="Numbers that a process takes at a time.")
    code_epoch: int = Field(
        0,
        ge=0,
        le=99,
        description="Raise it before starting on a database that a disk snapshot put back: numbers then begin at "
        "epoch × 100000 + 1. After any other restore the relay begins an epoch by itself.",
    )
    identity_number_profile: Profile = Field(
        Profile.SYNTHETIC,
        description="`synthetic` takes numbers under codes that no province has, `official` only real ones.",
    )
    accept_not_scanned: bool = Field(
        True,
        description="Whether an attachment that no scanner has looked at may be accepted.",
    )
    verification_overdue_seconds: int = Field(
        900, ge=1, description="After this long without an answer the identity is asked about again."
    )
    attachment_overdue_seconds: int = Field(
        3600, ge=1, description="After this long without a verdict storage is asked about a paper again."
    )
    notification_overdue_seconds: int = Field(
        3600, ge=1, description="After this long without an end notify is asked for a notification again."
    )
