"""Receipts as nobody should make them: any header, any payload, any key; and what storage's own are opened with."""

import base64
import hmac
import json
from typing import Any, Final, cast

from joserfc import jws
from joserfc.jwk import OKPKey, RSAKey

from support.storage_samples import RECEIPT_KEY

NEW_KEY: Final = OKPKey.generate_key("Ed25519", {"kid": "receipt-2"})
OF_OUR_NAME: Final = OKPKey.generate_key("Ed25519", {"kid": str(RECEIPT_KEY.kid)})
STRANGER: Final = OKPKey.generate_key("Ed25519", {"kid": "receipt-9"})
_RSA: Final = RSAKey.generate_key(2048, {"kid": str(RECEIPT_KEY.kid)})
Receipt = str
Part = dict[str, Any]


def encoded(part: object) -> str:
    """A part of a receipt."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def opened(receipt: Receipt) -> tuple[Part, Part]:
    """Header and claims."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in receipt.split(".")[:2]
    )
    return header, claims


def saying(receipt: Receipt, key: OKPKey = RECEIPT_KEY, **changed: Any) -> Receipt:
    """The same signed anew with other claims, or without those that are None: only who has the key can."""
    header, claims = opened(receipt)
    told = {name: value for name, value in (claims | changed).items() if value is not None}
    return jws.serialize_compact(header | {"kid": key.kid}, json.dumps(told), key, algorithms=["Ed25519"])


def headed(receipt: Receipt, header: object, key: OKPKey | None = RECEIPT_KEY) -> Receipt:
    """The same claims under another header, signed whatever it says; members that are None are left out."""
    if isinstance(header, dict):
        whole = opened(receipt)[0] | cast("Part", header)
        header = {name: value for name, value in whole.items() if value is not None}
    text = f"{encoded(header)}.{receipt.split('.')[1]}"
    signature: bytes = b"" if key is None else cast("Any", key.private_key).sign(text.encode())
    return f"{text}.{encoded(signature)}"


def holding(receipt: Receipt, payload: bytes) -> Receipt:
    """Signed by the right key, but holding something else."""
    return jws.serialize_compact(opened(receipt)[0], payload, RECEIPT_KEY, algorithms=["Ed25519"])


def keyed_with_the_public_key(receipt: Receipt, secret: bytes) -> Receipt:
    """The published key taken as a shared secret."""
    text = f"{encoded(opened(receipt)[0] | {'alg': 'HS256'})}.{receipt.split('.')[1]}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def by_rsa(receipt: Receipt) -> Receipt:
    """An RSA key that says it is storage's."""
    header, claims = opened(receipt)
    return jws.serialize_compact(header | {"alg": "RS256"}, json.dumps(claims), _RSA, algorithms=["RS256"])


def flattened(receipt: Receipt) -> str:
    """The same in the JSON serialization (RFC 7515, 7.2.2), which is no receipt."""
    protected, payload, signature = receipt.split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def with_other_spare_bits(receipt: Receipt) -> Receipt:
    """The same signature in another spelling: base64 leaves the last bits of 64 bytes unused."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return receipt[:-1] + alphabet[alphabet.index(receipt[-1]) ^ 1]
