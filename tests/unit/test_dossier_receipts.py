"""Attachment receipts, checked with the public key alone."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from hoso_dossier.flaws import Flaw
from hoso_dossier.receipts import Expected, NoReceiptKeys, ReceiptKeys
from support.dossier_samples import KEY, STRANGER, claims, receipt, receipt_keys_file

DRAFT = uuid4()


@pytest.fixture
def keys(tmp_path: Path) -> ReceiptKeys:
    return ReceiptKeys.load(receipt_keys_file(tmp_path))


def expected(now: datetime | None = None) -> Expected:
    components = frozenset({"proof-of-dwelling", "other"})
    return Expected(DRAFT, "person-1", components, ("proof-of-dwelling",), now or datetime.now(UTC))


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_good_receipt_gives_the_attachment(keys: ReceiptKeys) -> None:
    attachments, flaws = keys.check([receipt(DRAFT)], expected())
    assert flaws == []
    assert (attachments[0].component, attachments[0].sha256, attachments[0].size) == (
        "proof-of-dwelling",
        "a1" * 32,
        12_345,
    )


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"draft": str(uuid4())}, "receipt-of-other-draft"),
        ({"sub": "person-2"}, "receipt-of-other-person"),
        ({"component": "passport"}, "receipt-of-other-component"),
        ({"exp": 1_700_000_000}, "receipt-expired"),
        ({"exp": None}, "receipt-forged"),
        ({"sha256": "x"}, "receipt-forged"),
        ({"attachment": "1"}, "receipt-forged"),
        ({"size": 0}, "receipt-forged"),
    ],
)
def test_a_receipt_that_says_something_else_is_refused(keys: ReceiptKeys, changed: dict[str, Any], code: str) -> None:
    _, flaws = keys.check([receipt(DRAFT), receipt(DRAFT, **changed)], expected())
    assert flaws == [Flaw("/receipts/1", code)]


def _unsigned() -> str:
    return f"{encoded({'alg': 'none', 'kid': KEY.kid, 'typ': 'hoso-receipt+jwt'})}.{encoded(claims(DRAFT))}."


def _signed_with_the_public_key_as_a_secret() -> str:
    secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)).encode())
    header = {"alg": "HS256", "kid": KEY.kid, "typ": "hoso-receipt+jwt"}
    return jws.serialize_compact(header, json.dumps(claims(DRAFT)), secret, algorithms=["HS256"])


def _changed_after_signing() -> str:
    header, _, signature = receipt(DRAFT).split(".")
    return f"{header}.{encoded(claims(DRAFT))}.{signature}"


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(receipt(DRAFT, STRANGER), id="another key"),
        pytest.param(receipt(DRAFT, header={"typ": "JWT"}), id="another type"),
        pytest.param(receipt(DRAFT, header={"kid": "receipts-2"}), id="unknown key"),
        pytest.param(_unsigned(), id="unsigned"),
        pytest.param(_signed_with_the_public_key_as_a_secret(), id="public key as secret"),
        pytest.param(_changed_after_signing(), id="changed"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="noise"),
        pytest.param("ẩ.ẩ.ẩ", id="no ASCII"),
        pytest.param(receipt(DRAFT) + ".x", id="five parts"),
    ],
)
def test_a_forged_receipt_is_refused(keys: ReceiptKeys, forged: str) -> None:
    attachments, flaws = keys.check([forged, receipt(DRAFT)], expected())
    assert flaws == [Flaw("/receipts/0", "receipt-forged")]
    assert len(attachments) == 1


def test_the_same_attachment_twice_is_refused(keys: ReceiptKeys) -> None:
    twice = str(uuid4())
    given = [receipt(DRAFT, attachment=twice), receipt(DRAFT, attachment=twice, component="other")]
    assert keys.check(given, expected())[1] == [Flaw("/receipts/1", "receipt-repeated")]


def test_a_mandatory_paper_must_be_there(keys: ReceiptKeys) -> None:
    assert keys.check([receipt(DRAFT, component="other")], expected())[1] == [Flaw("/receipts", "component-missing")]


def test_everything_wrong_with_a_receipt_is_told(keys: ReceiptKeys) -> None:
    wrong = receipt(DRAFT, draft=str(uuid4()), sub="person-2", exp=1)
    codes = [flaw.code for flaw in keys.check([wrong], expected())[1]]
    assert codes == ["receipt-expired", "receipt-of-other-draft", "receipt-of-other-person"]


def test_a_receipt_ends_with_its_last_second(keys: ReceiptKeys) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    given = [receipt(DRAFT, exp=int(now.timestamp()))]
    assert keys.check(given, expected(now=now - timedelta(milliseconds=1)))[1] == []
    assert keys.check(given, expected(now=now))[1] == [Flaw("/receipts/0", "receipt-expired")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"keys": []}',
        json.dumps({"keys": [KEY.as_dict(private=True)]}).encode(),
        json.dumps({"keys": [OKPKey.generate_key("X25519", {"kid": "x"}).as_dict(private=False)]}).encode(),
        json.dumps({"keys": [OctKey.generate_key(256, {"kid": "x"}).as_dict()]}).encode(),
        json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}).encode(),
    ],
)
def test_a_file_without_our_public_keys_is_refused_and_not_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)
    with pytest.raises(NoReceiptKeys, match="RECEIPT_PUBLIC_KEYS_FILE") as refused:
        ReceiptKeys.load(file)
    assert str(KEY.as_dict(private=True)["d"]) not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoReceiptKeys):
        ReceiptKeys.load(tmp_path / "none.json")
