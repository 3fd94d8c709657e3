"""Access tokens of the local stack: what a real issuer would vouch for, signed by the key made at `up`."""

import json
import time
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OKPKey

from hoso_population_mock.people import subject_of

ISSUER = "hoso-local-stack"
UNIT = "G01.999.901"  # the unit whose officer the stack has
LIFETIME_S = 12 * 3600


def mint(  # noqa: PLR0913 - the claims of a token
    keys: Path,
    sub: str,
    role: str,
    *,
    unit: str | None = None,
    agency: str | None = None,
    assurance: int = 2,
    lifetime_s: int = LIFETIME_S,
) -> str:
    """Sign a token with the issuer's key in the folder `keys`."""
    key = OKPKey.import_key(json.loads((keys / "issuer.private.json").read_text()))
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": "hoso", "sub": sub, "role": role, "iat": now, "exp": now + lifetime_s}
    claims |= {"assurance": assurance}
    claims |= {name: value for name, value in (("unit", unit), ("agency", agency)) if value}
    return jwt.encode({"alg": "Ed25519", "kid": key.kid, "typ": "JWT"}, claims, key, algorithms=["Ed25519"])


def standard(keys: Path) -> dict[str, str]:
    """The tokens that stack.env holds."""
    return {
        "CITIZEN_TOKEN": mint(keys, subject_of(0), "citizen"),
        "CITIZEN_TOKEN_2": mint(keys, subject_of(1), "citizen"),
        "OFFICER_TOKEN": mint(keys, "officer-1", "officer", unit=UNIT, agency=UNIT),
        "AGENCY_TOKEN": mint(keys, "agency-1", "agency", agency="G05"),
        "OPERATOR_TOKEN": mint(keys, "operator-1", "operator"),
    }
