"""The callers of the access matrix: each dresses a request in the token of somebody, good or wrong in one way."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Final

import httpx
from joserfc import jws
from joserfc.jwk import Key, OKPKey, RSAKey

from support.access import PEOPLE, Row

ISSUER: Final = "https://issuer.example"
HOUR: Final = 3600
Claims = dict[str, Any]
Dress = tuple[list[tuple[str, str]], dict[str, str]]
"""Headers, and parameters of the query."""


@dataclass(slots=True)
class Issuer:
    """Publishes its keys, and lets go of the first when it has a second one.

    Attributes:
        now: seconds on the clock of those who ask it for keys.
    """

    retired: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "issuer-1", "use": "sig"}))
    current: OKPKey = field(default_factory=lambda: OKPKey.generate_key("Ed25519", {"kid": "issuer-2", "use": "sig"}))
    rotated: bool = False
    now: float = 1000.0

    def published(self, _request: httpx.Request) -> httpx.Response:
        """The key set, as it is now."""
        key = self.current if self.rotated else self.retired
        return httpx.Response(200, json={"keys": [key.as_dict(private=False)]})


@dataclass(frozen=True, slots=True)
class Callers:
    """Everybody who calls.

    Attributes:
        owner: `sub` of the citizen whose everything is.
        unit: which handles the dossiers.
    """

    issuer: Issuer
    owner: str
    unit: str

    def dress(self, caller: str, row: Row) -> Dress:
        """The headers and the query that a caller adds to a request."""
        if caller in PEOPLE:
            return _bearer(self.token(caller)), {}
        return _FLAWS[caller](self, self.claims(row.may or "owner"))

    def claims(self, person: str) -> Claims:
        """What the issuer says of a person."""
        now = int(time())
        told = {"iss": ISSUER, "aud": "hoso", "sub": f"{person}-7".replace(" ", "-").replace("'", "-"), "assurance": 1}
        return told | {"role": person.partition(" ")[0], "iat": now, "exp": now + HOUR} | self._own(person)

    def token(self, person: str) -> str:
        """A good token of a person."""
        return signed(self.issuer.current, self.claims(person))

    def _own(self, person: str) -> Claims:
        citizen, another = {"role": "citizen", "assurance": 2}, f"{self.unit[:-1]}{(int(self.unit[-1]) + 1) % 10}"
        special: Mapping[str, Claims] = {
            "owner": citizen | {"sub": self.owner},
            "owner, level 1": {"role": "citizen", "sub": self.owner},
            "other citizen": citizen,
            "citizen with a unit": citizen | {"unit": self.unit, "agency": self.unit},
            "officer of the unit": {"unit": self.unit, "agency": self.unit},
            "officer of another unit": {"unit": another},
            "officer of a unit alike": {"unit": self.unit[:-1]},
            "officer by agency only": {"agency": self.unit},
            "officer with the owner's id": {"unit": another, "sub": self.owner},
            "agency": {"agency": self.unit},
        }
        return special.get(person, {})


def encoded(part: object) -> str:
    """A part of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: Key, claims: Mapping[str, Any], algorithm: str = "Ed25519", **header: Any) -> str:
    """A token signed by whatever key, with whatever header."""
    head = {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | header
    head = {name: value for name, value in head.items() if value is not None}
    return jws.serialize_compact(head, json.dumps(claims), key, algorithms=[algorithm])


def unsigned(header: object, claims: Mapping[str, Any]) -> str:
    """A token with an empty signature."""
    return f"{encoded(header)}.{encoded(claims)}."


def _bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


_STRANGER: Final = OKPKey.generate_key("Ed25519", {"kid": "stranger-1"})
_OF_OUR_NAME: Final = OKPKey.generate_key("Ed25519", {"kid": "issuer-2"})
_RSA: Final = RSAKey.generate_key(2048, {"kid": "stranger-2"})
_Flaw = Callable[[Callers, Claims], Dress]


def _said(**changed: Any) -> _Flaw:
    """The issuer says something else, or does not say it (None); numbers are seconds from now."""

    def dress(callers: Callers, claims: Claims) -> Dress:
        told = {name: int(time()) + one if isinstance(one, int) else one for name, one in changed.items()}
        return _bearer(
            signed(callers.issuer.current, {name: one for name, one in (claims | told).items() if one is not None})
        ), {}

    return dress


def _made(make: Callable[[Callers, Claims], str]) -> _Flaw:
    """The token is made otherwise."""
    return lambda callers, claims: (_bearer(make(callers, claims)), {})


def _sent(send: Callable[[str], list[tuple[str, str]]]) -> _Flaw:
    """A good token is sent otherwise."""
    return lambda callers, claims: (send(signed(callers.issuer.current, claims)), {})


def _hs256(callers: Callers, claims: Claims) -> str:
    text = f"{encoded({'alg': 'HS256', 'kid': callers.issuer.current.kid, 'typ': 'JWT'})}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.digest(callers.issuer.current.as_pem(private=False), text.encode(), 'sha256'))}"


def _changed(callers: Callers, claims: Claims) -> str:
    header, _, signature = signed(callers.issuer.current, claims | {"role": "agency"}).split(".")
    return f"{header}.{encoded(claims)}.{signature}"


_HERE: Final[dict[str, Any]] = {"jwk": _OF_OUR_NAME.as_dict(private=False)}
_ELSEWHERE: Final = {"jku": "http://127.0.0.1:9/keys"}
_FLAWS: Final[Mapping[str, _Flaw]] = {
    "nobody": lambda _callers, _claims: ([], {}),
    "token in the query": lambda callers, claims: ([], {"access_token": signed(callers.issuer.current, claims)}),
    "token in a cookie": _sent(lambda token: [("Cookie", f"access_token={token}")]),
    "another scheme": _sent(lambda token: [("Authorization", f"Basic {encoded(f'hoso:{token}'.encode())}")]),
    "no scheme": _sent(lambda token: [("Authorization", token)]),
    "scheme alone": _sent(lambda _token: [("Authorization", "Bearer")]),
    "two tokens": _sent(lambda token: [("Authorization", f"Bearer {token} {token}")]),
    "two headers": _sent(lambda token: [*_bearer(token), *_bearer(token)]),
    "a comma behind": _sent(lambda token: _bearer(f"{token},")),
    "lower-case scheme": _sent(lambda token: [("authorization", f"bearer {token}")]),
    "header a list": _made(lambda _callers, claims: unsigned(["alg", "kid"], claims)),
    "extension": _made(lambda callers, claims: signed(callers.issuer.current, claims, crit=["cty"], cty="JWT")),
    "no kid": _made(lambda callers, claims: signed(callers.issuer.current, claims, kid=None)),
    "receipt": _made(lambda callers, claims: signed(callers.issuer.current, claims, typ="hoso-receipt+jwt")),
    "alg none": _made(lambda callers, claims: unsigned({"alg": "none", "kid": callers.issuer.current.kid}, claims)),
    "HS256 of the public key": _made(_hs256),
    "RS256 of our name": _made(lambda callers, claims: signed(_RSA, claims, "RS256", kid=callers.issuer.current.kid)),
    "stranger of our name": _made(lambda _callers, claims: signed(_OF_OUR_NAME, claims)),
    "embedded key": _made(lambda _callers, claims: signed(_OF_OUR_NAME, claims, **_HERE)),
    "changed": _made(_changed),
    "unknown key": _made(lambda _callers, claims: signed(_STRANGER, claims)),
    "unknown RSA key": _made(lambda _callers, claims: signed(_RSA, claims, "RS256")),
    "key elsewhere": _made(lambda _callers, claims: signed(_STRANGER, claims, **_ELSEWHERE)),
    "retired key": _made(lambda callers, claims: signed(callers.issuer.retired, claims)),
    "new key": _made(lambda callers, claims: signed(callers.issuer.current, claims)),
    "expired": _said(iat=-HOUR, exp=-60),
    "never expires": _said(exp=None),
    "not yet valid": _said(nbf=60),
    "issued later": _said(iat=60),
    "another audience": _said(aud="kho-bac"),
    "no audience": _said(aud=None),
    "another issuer": _said(iss="https://another.example"),
    "unknown role": _said(role="admin"),
    "two roles": _said(role=["citizen", "officer"]),
    "no subject": _said(sub=None),
    "level 3": lambda callers, claims: (_bearer(signed(callers.issuer.current, claims | {"assurance": 3})), {}),
}
