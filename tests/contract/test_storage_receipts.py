"""Receipts as storage signs them, looked at by dossier: taken for what they vouch for and nothing else."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from hoso_dossier.receipts import Expected, ReceiptKeys
from hoso_storage.receipts import Receipted, Receipts
from support.storage_samples import RECEIPT_KEY

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
FACTS = Receipted(
    attachment_id=UUID("01938f6e-2222-7000-8000-000000000001"),
    draft_id=UUID("01938f6e-1111-7000-8000-000000000001"),
    component="proof-of-dwelling",
    subject="p-1",
    sha256="a" * 64,
    size=5_242_880,
    media_type="application/pdf",
    received_at=AT,
)
EXPECTED = Expected(FACTS.draft_id, "p-1", frozenset({"proof-of-dwelling"}), ("proof-of-dwelling",), AT)
SIGNED = Receipts(RECEIPT_KEY).sign(FACTS)


@pytest.fixture
def keys(tmp_path: Path) -> ReceiptKeys:
    file = tmp_path / "receipt.jwks"
    file.write_bytes(orjson.dumps({"keys": [RECEIPT_KEY.as_dict(private=False)]}))
    return ReceiptKeys.load(file)


def flaws(keys: ReceiptKeys, *receipts: str, **expected: Any) -> list[str]:
    return [flaw.code for flaw in keys.check(receipts, replace(EXPECTED, **expected))[1]]


def test_what_storage_vouches_for_is_what_dossier_keeps(keys: ReceiptKeys) -> None:
    ((kept,), told) = keys.check([SIGNED], EXPECTED)
    assert told == []
    assert (kept.id, kept.component, kept.sha256, kept.size, kept.media_type) == (
        FACTS.attachment_id, FACTS.component, FACTS.sha256, FACTS.size, FACTS.media_type,
    )  # fmt: skip


def test_a_receipt_is_good_for_30_days_and_not_a_second_longer(keys: ReceiptKeys) -> None:
    assert flaws(keys, SIGNED, now=AT + timedelta(days=30, seconds=-1)) == []
    assert flaws(keys, SIGNED, now=AT + timedelta(days=30)) == ["receipt-expired"]


def test_a_receipt_is_for_one_draft_of_one_person_and_once(keys: ReceiptKeys) -> None:
    assert flaws(keys, SIGNED, draft=UUID(int=1)) == ["receipt-of-other-draft"]
    assert flaws(keys, SIGNED, subject="p-2") == ["receipt-of-other-person"]
    assert flaws(keys, SIGNED, SIGNED) == ["receipt-repeated"]


def encoded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def changed(receipt: str, **claims: object) -> str:
    head, payload, signature = receipt.split(".")
    told = json.loads(urlsafe_b64decode(payload + "=="))
    return ".".join((head, encoded({**told, **claims}), signature))


def by_another_key(_: str) -> str:
    return Receipts(OKPKey.generate_key("Ed25519", {"kid": "receipt-1"})).sign(FACTS)


def unsigned(receipt: str) -> str:
    head = encoded({"alg": "none", "kid": "receipt-1", "typ": "hoso-receipt+jwt"})
    return f"{head}.{receipt.split('.')[1]}."


def by_the_public_key_as_secret(receipt: str) -> str:
    secret = OctKey.import_key(urlsafe_b64decode(str(RECEIPT_KEY.as_dict(private=False)["x"]) + "=="))
    head = {"alg": "HS256", "kid": "receipt-1", "typ": "hoso-receipt+jwt"}
    payload = urlsafe_b64decode(receipt.split(".")[1] + "==")
    return jws.serialize_compact(head, payload, secret, algorithms=["HS256"])


def of_another_type(receipt: str) -> str:
    """As an access token signed by the same key by mistake would look."""
    head = {"alg": "Ed25519", "kid": "receipt-1", "typ": "at+jwt"}
    payload = urlsafe_b64decode(receipt.split(".")[1] + "==")
    return jws.serialize_compact(head, payload, RECEIPT_KEY, algorithms=["Ed25519"])


def without_signature(receipt: str) -> str:
    return receipt.rpartition(".")[0] + "."


@pytest.mark.parametrize(
    "forge",
    [
        by_another_key,
        unsigned,
        by_the_public_key_as_secret,
        of_another_type,
        partial(changed, sub="p-2"),
        partial(changed, exp=4_102_444_800),
        partial(changed, sha256="b" * 64),
        without_signature,
        "{}.".format,
        "".format,
    ],
)
def test_a_forged_receipt_is_none(keys: ReceiptKeys, forge: Callable[[str], str]) -> None:
    forged = forge(SIGNED)
    assert forged != SIGNED
    assert flaws(keys, forged) == ["receipt-forged", "component-missing"]
