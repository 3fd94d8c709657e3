"""Who may do what: every route, every caller, and what each is told; a test tries it and docs/access.md shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from support.form import sized

WRONG_ROLE: Final = "403 wrong-role"
ABSENT: Final = "404 not-found"
TOO_LOW: Final = "403 assurance-too-low"

PEOPLE: Final = {
    "owner": "the citizen whose draft, dossier or file it is, identified at level 2",
    "owner, level 1": "the same citizen, identified at level 1",
    "other citizen": "any other citizen",
    "citizen with a unit": "another citizen whose token names the handling unit and agency, which are not for citizens",
    "officer of the unit": "an officer of the unit that handles the dossier",
    "officer of another unit": "an officer of another unit",
    "officer of a unit alike": "an officer of a unit whose code begins like the handling unit's",
    "officer without a unit": "an officer whose token names no unit",
    "officer by agency only": "an officer whose token names the handling unit as `agency` and no `unit`",
    "officer with the owner's id": "an officer of another unit who has the `sub` of the owner",
    "agency": "a subscriber of the agency",
    "agency without an agency": "a subscriber whose token names no agency",
    "operator": "an operator of this platform",
    "service": "a program",
}
"""Callers whose token is good, and who they are."""

OWNERS: Final = frozenset({"owner", "owner, level 1"})
CITIZENS: Final = OWNERS | {"other citizen", "citizen with a unit"}
OFFICERS: Final = frozenset(name for name in PEOPLE if name.startswith("officer"))
THE_OFFICER: Final = "officer of the unit"

AS_THE_ONE: Final = ""
CREDENTIALS: Final = {
    "nobody": ("401 token-missing", "no token at all"),
    "token in the query": ("401 token-missing", "`?access_token=`"),
    "token in a cookie": ("401 token-missing", "`Cookie: access_token=`"),
    "another scheme": ("401 token-malformed", "`Basic`, with the token as the password"),
    "no scheme": ("401 token-malformed", "the token alone"),
    "scheme alone": ("401 token-malformed", "`Bearer` and nothing"),
    "two tokens": ("401 token-malformed", "both in one header"),
    "two headers": ("401 token-malformed", "two `Authorization` headers, each with the token"),
    "a comma behind": ("401 token-malformed", "something behind the token"),
    "lower-case scheme": (AS_THE_ONE, "`bearer`, which RFC 9110 allows"),
    "header a list": ("401 token-malformed", "the token's header is no JSON object"),
    "extension": ("401 token-malformed", "`crit` names an extension"),
    "no kid": ("401 token-malformed", "the token does not say which key signed it"),
    "receipt": ("401 token-malformed", "the token's `typ` is a receipt's"),
    "alg none": ("401 token-signature", "not signed"),
    "HS256 of the public key": ("401 token-signature", "the published key taken as a shared secret"),
    "RS256 of our name": ("401 token-signature", "an RSA key that says it is the issuer's"),
    "stranger of our name": ("401 token-signature", "an Ed25519 key that says it is the issuer's"),
    "embedded key": ("401 token-signature", "`jwk` holds the public key of whoever made the token"),
    "changed": ("401 token-signature", "another role written in after signing"),
    "unknown key": ("401 token-key", "an Ed25519 key that the issuer does not publish"),
    "unknown RSA key": ("401 token-key", "RS256, by a key that the issuer does not publish"),
    "key elsewhere": ("401 token-key", "`jku` says where the key is published"),
    "retired key": ("401 token-key", "the key the issuer had published before, and no longer does"),
    "new key": (AS_THE_ONE, "the key the issuer began to publish while the services were running"),
    "expired": ("401 token-expired", "`exp` a minute ago"),
    "never expires": ("401 token-claims", "no `exp`"),
    "not yet valid": ("401 token-claims", "`nbf` in a minute"),
    "issued later": ("401 token-claims", "`iat` in a minute"),
    "another audience": ("401 token-audience", "`aud` is another system's"),
    "no audience": ("401 token-audience", "no `aud`"),
    "another issuer": ("401 token-claims", "`iss` is another's, the key is right"),
    "unknown role": ("401 token-claims", "`role` admin"),
    "two roles": ("401 token-claims", "`role` a list"),
    "no subject": ("401 token-claims", "no `sub`"),
    "level 3": ("401 token-claims", "`assurance` that there is not"),
}
"""Ways to send the token of the one who may, what comes of each where a token is needed, and what it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """A route and what it is asked about.

    Attributes:
        template: as the application has it.
        of: the object that the request is about, one of `access_world`; empty: of none.
        may: who may, whose token the flawed ones are made from; empty: everybody, and no token is looked at.
        people: what each of `PEOPLE` is told.
        sends: headers that the route asks for beside the token.
    """

    service: str
    method: str
    template: str
    people: Mapping[str, str]
    of: str = ""
    may: str = ""
    sends: tuple[str, ...] = ()

    @property
    def route(self) -> tuple[str, str, str]:
        """Which route of which service it is."""
        return self.service, self.method, self.template

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.service} {self.method} {self.template}" + (f" ({self.of})" if self.of else "")

    def cell(self, caller: str) -> str:
        """What a caller is told: status, and the slug of a problem."""
        if caller in self.people:
            return self.people[caller]
        told, _ = CREDENTIALS[caller]
        return self.people[self.may or "owner"] if told == AS_THE_ONE or not self.may else told


CALLERS: Final = (*PEOPLE, *CREDENTIALS)
_AT_OPEN_DOORS: Final = (*PEOPLE, "nobody", "scheme alone", "two headers", "alg none", "retired key", "expired")


def tried(row: Row) -> tuple[str, ...]:
    """The callers that a row is tried with; where no token is looked at, the short form tries some of the flawed."""
    return CALLERS if row.may else sized(_AT_OPEN_DOORS, CALLERS)


def _open() -> Mapping[str, str]:
    return MappingProxyType(dict.fromkeys(PEOPLE, "200"))


def _for(owner: str, citizen: str, officer: str = WRONG_ROLE, level_1: str = "", others: str = "") -> Mapping[str, str]:
    """What everybody is told.

    Args:
        owner: who is the owner.
        citizen: who is another citizen.
        officer: who is an officer of the handling unit.
        level_1: who is the owner, identified at level 1; empty: as at level 2.
        others: who is another officer; empty: as the officer of the unit when the role is refused, otherwise absent.
    """
    elsewhere = others or (WRONG_ROLE if officer == WRONG_ROLE else ABSENT)
    told = dict.fromkeys(PEOPLE, WRONG_ROLE) | dict.fromkeys(CITIZENS, citizen) | dict.fromkeys(OFFICERS, elsewhere)
    return MappingProxyType(told | {"owner": owner, "owner, level 1": level_1 or owner, THE_OFFICER: officer})


def _decided(officer: str) -> Mapping[str, str]:
    return _for(WRONG_ROLE, WRONG_ROLE, officer)


def _health(service: str) -> tuple[Row, ...]:
    probes = ("/livez", "/readyz", "/metrics")
    return tuple(Row(service, method, path, _open()) for path in probes for method in ("GET", "HEAD"))


def _api(service: str) -> tuple[Row, ...]:
    return *_health(service), *(Row(service, method, "/openapi.json", _open()) for method in ("GET", "HEAD"))


_KEY, _MATCH = "Idempotency-Key", "If-Match"
_DRAFT, _DOSSIER, _FILE = "/v1/drafts/{draft_id}", "/v1/dossiers/{dossier_id}", "/v1/attachments/{attachment_id}"
_SUBMITTED = "409 already-submitted"


def _draft(method: str, template: str, of: str, people: Mapping[str, str], **more: Any) -> Row:
    return Row("dossier", method, template, people, of, "owner", **more)


def _dossier(method: str, template: str, of: str, people: Mapping[str, str], **more: Any) -> Row:
    return Row("dossier", method, template, people, of, THE_OFFICER if method == "POST" else "owner", **more)


def _file(template: str, of: str, owner: str) -> Row:
    return Row("storage", "GET", template, _for(owner, ABSENT), of, "owner")


ROWS: Final = (
    *_api("dossier"),
    Row("dossier", "GET", "/v1/procedures", _open()),
    Row("dossier", "GET", "/v1/procedures/{code}", _open(), "procedure"),
    _draft("POST", "/v1/drafts", "procedure", _for("201", "201"), sends=(_KEY,)),
    _draft("POST", "/v1/drafts", "level 2 procedure", _for("201", "201", level_1=TOO_LOW), sends=(_KEY,)),
    *(
        row
        for of, shown, changed, submitted, level_1 in (
            ("draft", "200", "200", "201", ""),
            ("level 2 draft", "200", "200", "201", TOO_LOW),
            ("submitted draft", ABSENT, ABSENT, _SUBMITTED, ""),
            ("expired draft", ABSENT, ABSENT, ABSENT, ""),
        )
        for row in (
            _draft("GET", _DRAFT, of, _for(shown, ABSENT)),
            _draft("PATCH", _DRAFT, of, _for(changed, ABSENT, level_1=level_1), sends=(_MATCH,)),
            _draft("POST", f"{_DRAFT}/submit", of, _for(submitted, ABSENT, level_1=level_1), sends=(_KEY,)),
        )
    ),
    *(
        row
        for of, decided in (("dossier", "200"), ("accepted dossier", "409 wrong-status"))
        for row in (
            _dossier("GET", "/v1/dossiers", of, _for("200", ABSENT, "200")),
            _dossier("GET", _DOSSIER, of, _for("200", ABSENT, "200")),
            _dossier("GET", f"{_DOSSIER}/timeline", of, _for("200", ABSENT, "200")),
            _dossier("POST", f"{_DOSSIER}/accept", of, _decided(decided), sends=(_KEY, _MATCH)),
            _dossier("POST", f"{_DOSSIER}/refuse", of, _decided(decided), sends=(_KEY, _MATCH)),
        )
    ),
    *_api("storage"),
    Row("storage", "POST", "/v1/attachments", _for("201", "201"), "draft", "owner", (_KEY,)),
    *(
        row
        for of, facts, content in (
            ("stored file", "200", "409 not-readable-yet"),
            ("clean file", "200", "200"),
            ("infected file", "200", "409 infected"),
            ("expired file", ABSENT, ABSENT),
        )
        for row in (_file(_FILE, of, facts), _file(f"{_FILE}/content", of, content))
    ),
    *_api("identity"),
    *_api("notify"),
    *_health("worker and relay"),
)
