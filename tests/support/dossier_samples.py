"""Dossiers, answers and receipts as tests of dossier use them; synthetic people only."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any
from uuid import UUID, uuid4

from joserfc import jws
from joserfc.jwk import OKPKey
from uuid_utils.compat import uuid7

from hoso_dossier.domain import Dossier
from hoso_dossier.values import Attachment, Contact, Identity, Verification

KEY = OKPKey.generate_key("Ed25519", {"kid": "receipts-1"})
STRANGER = OKPKey.generate_key("Ed25519", {"kid": "receipts-1"})  # says it is the same key
AGENCY = "G01.999.901"
MOMENT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 09:00 on a Tuesday in Viet Nam
CODE = "G01.999.000.000-261124-0001"


def answers(**changed: Any) -> dict[str, Any]:
    """Answers that may be submitted; a change of None leaves one out."""
    valid: dict[str, Any] = {
        "declarant": "self",
        "full_name": "Nguyễn Thị Ẩn",
        "date_of_birth": "1999-02-03",
        "gender": "female",
        "identity_number": "003199000001",
        "permanent_address": "Số 1 đường Hoa Sữa, phường An Bắc, tỉnh Bạch Dương",
        "temporary_address": {"province": "Tỉnh Bạch Dương", "ward": "Phường Bình Hạ", "address": "Số 2, ngõ Trúc"},
        "from_date": "2026-12-01",
        "to_date": "2027-12-01",
        "case": "individual",
        "agency": AGENCY,
        "declaration_accepted": True,
        "notification": {"channels": ["email", "sms"], "email": "an@example.com", "phone": "095 123 4567"},
    }
    return {name: value for name, value in (valid | changed).items() if value is not None}


def claims(draft: UUID, /, **changed: Any) -> dict[str, Any]:
    """What storage vouches for."""
    now = int(time())
    return {
        "attachment": str(uuid7()),
        "draft": str(draft),
        "component": "proof-of-dwelling",
        "sub": "person-1",
        "sha256": "a1" * 32,
        "size": 12_345,
        "media_type": "application/pdf",
        "iat": now,
        "exp": now + 3600,
    } | changed


def receipt(draft: UUID, /, key: OKPKey = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A receipt as storage signs it."""
    protected = {"alg": "Ed25519", "kid": key.kid, "typ": "hoso-receipt+jwt"} | (header or {})
    return jws.serialize_compact(protected, json.dumps(claims(draft, **changed)), key, algorithms=["Ed25519"])


def receipt_keys_file(folder: Path) -> Path:
    """The file with the public key that receipts are checked with."""
    file = folder / "receipt-keys.json"
    file.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    return file


def attachment(**changed: Any) -> Attachment:
    """A paper as its receipt vouches for it."""
    return replace(Attachment(uuid4(), "proof-of-dwelling", "a1" * 32, 12_345, "application/pdf"), **changed)


def identity() -> Identity:
    return Identity("003199000001", "Nguyễn Thị Ẩn", date(1999, 2, 3))


def submitted(**changed: Any) -> Dossier:
    """A dossier in status 1, as it is loaded: what was new at its submission is no longer."""
    parts: dict[str, Any] = {
        "id": uuid4(),
        "code": CODE,
        "procedure": "1.004194",
        "procedure_version": 1,
        "procedure_name": "Đăng ký tạm trú",
        "case": "individual",
        "agency": AGENCY,
        "owner": "person-1",
        "channel": "online",
        "submitted_at": MOMENT,
        "verification": Verification(uuid4()),
        "attachments": (attachment(),),
        "contacts": (Contact("email", "an@example.com"), Contact("sms", "+84951234567")),
    }
    dossier = Dossier(**(parts | changed))
    list(dossier.submit(identity()))
    dossier.changes, dossier.entries, dossier.touched = (), (), frozenset()
    return dossier


def later(seconds: float) -> datetime:
    """An instant after the submission of a sample."""
    return MOMENT + timedelta(seconds=seconds)
