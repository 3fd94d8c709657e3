"""Receipts: what they say, that another library believes them, and that the same facts give the same receipt."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import ECKey, OKPKey

from hoso_storage.receipts import NoReceiptKey, Receipted, Receipts
from support.storage_samples import RECEIPT_KEY, receipt_key_file

FACTS = Receipted(
    attachment_id=UUID("01938f6e-2222-7000-8000-000000000001"),
    draft_id=UUID("01938f6e-1111-7000-8000-000000000001"),
    component="proof-of-dwelling",
    subject="p-1",
    sha256="a" * 64,
    size=1024,
    media_type="application/pdf",
    received_at=datetime(2026, 11, 24, 3, 0, 0, 900_000, tzinfo=UTC),
)


def decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "==")


def test_a_receipt_is_believed_by_another_library_and_says_what_was_received() -> None:
    signed, _, signature = Receipts(RECEIPT_KEY).sign(FACTS).rpartition(".")
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    public = Ed25519PublicKey.from_public_bytes(decoded(str(RECEIPT_KEY.as_dict(private=False)["x"])))
    public.verify(decoded(signature), signed.encode())
    assert header == {"alg": "Ed25519", "kid": "receipt-1", "typ": "hoso-receipt+jwt"}
    assert claims == {
        "attachment": "01938f6e-2222-7000-8000-000000000001",
        "draft": "01938f6e-1111-7000-8000-000000000001",
        "component": "proof-of-dwelling",
        "sub": "p-1",
        "sha256": "a" * 64,
        "size": 1024,
        "media_type": "application/pdf",
        "iat": 1_795_489_200,
        "exp": 1_795_489_200 + 30 * 86_400,
    }


def test_the_same_facts_give_the_same_receipt_and_others_another() -> None:
    receipts = Receipts(RECEIPT_KEY)
    assert receipts.sign(FACTS) == receipts.sign(replace(FACTS))
    assert receipts.sign(FACTS) != receipts.sign(replace(FACTS, size=1025))


def test_the_key_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    receipts = Receipts.load(receipt_key_file(tmp_path))
    assert receipts.sign(FACTS) == Receipts(RECEIPT_KEY).sign(FACTS)
    assert str(RECEIPT_KEY.as_dict(private=True)["d"]) not in repr(receipts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"kty":"OKP"}',
        json.dumps(RECEIPT_KEY.as_dict(private=False)).encode(),
        json.dumps({k: v for k, v in RECEIPT_KEY.as_dict(private=True).items() if k != "kid"}).encode(),
        json.dumps(OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=True)).encode(),
        json.dumps(ECKey.generate_key("P-256", {"kid": "x"}).as_dict(private=True)).encode(),
    ],
)
def test_a_file_without_such_a_key_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "receipt.jwk"
    file.write_bytes(content)
    with pytest.raises(NoReceiptKey, match="RECEIPT_PRIVATE_KEY_FILE"):
        Receipts.load(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoReceiptKey, match="FileNotFoundError"):
        Receipts.load(tmp_path / "none.jwk")
