"""Access tokens that no service may take, each wrong in one way; the person in them is marked."""

import base64
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import OKPKey

from hoso_stack.tokens import ISSUER

HOUR: Final = 3600
SLUGS: Final = {
    "no-token-at-all": "token-malformed",
    "signed-by-a-key-of-the-same-name": "token-signature",
    "signed-by-an-unknown-key": "token-key",
    "signed-by-the-key-of-the-receipts": "token-key",
    "not-signed": "token-signature",
    "expired": "token-expired",
    "for-another-service": "token-audience",
    "of-another-issuer": "token-claims",
    "of-an-unknown-role": "token-claims",
}
"""What is wrong with a token, and what the refusal is called."""


def signed(key: OKPKey, claims: Mapping[str, Any]) -> str:
    """A token as the issuer would make it, with whatever key and claims."""
    return jwt.encode({"alg": "Ed25519", "kid": key.kid, "typ": "JWT"}, dict(claims), key, algorithms=["Ed25519"])


def bad_token(wrong: str, keys: Path, sub: str) -> str:
    """The token that is wrong in one of the ways of `SLUGS`."""
    issuer = OKPKey.import_key(json.loads((keys / "issuer.private.json").read_text()))
    same_name = OKPKey.generate_key("Ed25519", {"kid": str(issuer.kid), "use": "sig"})
    other_name = OKPKey.generate_key("Ed25519", {"kid": "issuer-of-somebody", "use": "sig"})
    receipts = OKPKey.import_key(json.loads((keys / "receipts.private.json").read_text()))
    now = int(time.time())
    right = {"iss": ISSUER, "aud": "hoso", "sub": sub, "role": "citizen", "assurance": 2, "iat": now, "exp": now + HOUR}
    return {
        "no-token-at-all": sub,
        "signed-by-a-key-of-the-same-name": signed(same_name, right),
        "signed-by-an-unknown-key": signed(other_name, right),
        "signed-by-the-key-of-the-receipts": signed(receipts, right),
        "not-signed": _unsigned(issuer, right),
        "expired": signed(issuer, right | {"iat": now - 2 * HOUR, "exp": now - HOUR}),
        "for-another-service": signed(issuer, right | {"aud": "kho-bac"}),
        "of-another-issuer": signed(issuer, right | {"iss": f"https://{sub}.example"}),
        "of-an-unknown-role": signed(issuer, right | {"role": sub}),
    }[wrong]


def _unsigned(key: OKPKey, claims: Mapping[str, Any]) -> str:
    parts = ({"alg": "none", "kid": key.kid, "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."
