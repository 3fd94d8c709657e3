"""Bearer tokens: who is believed, who is not, and what an issuer that is away changes."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncGenerator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends
from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from jwcrypto import jwk as other_jwk
from jwcrypto import jwt as other_jwt

from hoso_chassis.health import Health
from hoso_chassis.http import create_app
from hoso_chassis.problems import Problem
from hoso_chassis.tokens import Caller, TokenVerifier, require

NOW = 1_800_000_000
ISSUER = "https://issuer.example"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "hoso",
    "sub": "p-1",
    "role": "citizen",
    "assurance": 2,
    "iat": NOW,
    "exp": NOW + 300,
}
ED = OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
SECRET = OctKey.generate_key(256, {"kid": "oct"})
OTHER = OKPKey.generate_key("Ed25519", {"kid": "ed"})
ENCRYPTING = OKPKey.generate_key("Ed25519", {"kid": "enc", "use": "enc"})


class Issuer:
    """A key set by HTTP that can be changed, broken and counted."""

    def __init__(self, *keys: Key) -> None:
        self.body = self.publish(*keys)
        self.status = 200
        self.asked = 0

    def publish(self, *keys: Key) -> bytes:
        self.body = json.dumps({"keys": [key.as_dict(private=key is SECRET) for key in keys]}).encode()
        return self.body

    async def __call__(self, _request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0)
        return httpx.Response(self.status, content=self.body)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(ED, EC, RSA, SECRET, ENCRYPTING)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def verifier(issuer: Issuer, clock: Clock) -> AsyncGenerator[TokenVerifier]:
    client = httpx.AsyncClient(transport=httpx.MockTransport(issuer))
    verifier = TokenVerifier("http://issuer/jwks", ISSUER, client=client, clock=clock, now=lambda: NOW)
    yield verifier
    await verifier.close()


def token(key: Key = ED, algorithm: str = "Ed25519", header: dict[str, Any] | None = None, **changes: object) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    head = {"alg": algorithm, "kid": key.kid, **(header or {})}
    return jwt.encode({name: value for name, value in head.items() if value is not None}, claims, key, [algorithm])


async def refusal(verifier: TokenVerifier, sent: str) -> str:
    with pytest.raises(Problem) as caught:
        await verifier.verify(sent)
    assert caught.value.status_code == 401
    assert caught.value.headers is not None
    assert 'error="invalid_token"' in caught.value.headers["www-authenticate"]
    return caught.value.slug


@pytest.mark.parametrize(("key", "algorithm"), [(ED, "Ed25519"), (ED, "EdDSA"), (EC, "ES256"), (RSA, "RS256")])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # said where we sign
async def test_a_token_says_who_calls(verifier: TokenVerifier, key: Key, algorithm: str) -> None:
    caller = await verifier.verify(token(key, algorithm, unit="u-1", agency="G01"))
    assert caller == Caller("p-1", "citizen", "u-1", "G01", 2)


@pytest.mark.parametrize(("key", "algorithm"), [(ED, "EdDSA"), (EC, "ES256"), (RSA, "RS256")])
async def test_another_library_makes_the_same_tokens(verifier: TokenVerifier, key: Key, algorithm: str) -> None:
    made = other_jwt.JWT(header={"alg": algorithm, "kid": key.kid}, claims=CLAIMS)
    made.make_signed_token(other_jwk.JWK(**key.as_dict(private=True)))
    assert (await verifier.verify(made.serialize())).subject == "p-1"


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("token-expired", {"exp": NOW - 11}),
        ("token-claims", {"exp": None}),
        ("token-claims", {"iat": None}),
        ("token-claims", {"iat": NOW + 11}),
        ("token-claims", {"nbf": NOW + 11}),
        ("token-claims", {"iss": "https://issuer.example.evil"}),
        ("token-claims", {"iss": None}),
        ("token-audience", {"aud": None}),
        ("token-audience", {"aud": "hoso2"}),
        ("token-audience", {"aud": ["other"]}),
        ("token-claims", {"sub": None}),
        ("token-claims", {"sub": ""}),
        ("token-claims", {"sub": "a b"}),
        ("token-claims", {"sub": "p" * 129}),
        ("token-claims", {"sub": 1}),
        ("token-claims", {"role": "admin"}),
        ("token-claims", {"role": ["citizen"]}),
        ("token-claims", {"role": None}),
        ("token-claims", {"assurance": 3}),
        ("token-claims", {"assurance": True}),
        ("token-claims", {"unit": ["u"]}),
        ("token-claims", {"agency": ""}),
    ],
)
async def test_claims_that_do_not_hold_are_refused(verifier: TokenVerifier, why: str, changes: dict[str, Any]) -> None:
    assert await refusal(verifier, token(**changes)) == why


@pytest.mark.parametrize("changes", [{"exp": NOW - 9}, {"iat": NOW + 9}, {"nbf": NOW + 9}, {"aud": ["a", "hoso"]}])
async def test_clocks_may_differ_by_seconds(verifier: TokenVerifier, changes: dict[str, Any]) -> None:
    await verifier.verify(token(**changes))


def unsigned(header: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, CLAIMS))
    return ".".join((*parts, ""))


@pytest.mark.parametrize("alg", ["none", "None", "nOnE"])
async def test_an_unsigned_token_is_refused(verifier: TokenVerifier, alg: str) -> None:
    assert await refusal(verifier, unsigned({"alg": alg, "kid": "ed"})) == "token-signature"


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
async def test_a_published_key_may_name_its_algorithm(verifier: TokenVerifier, issuer: Issuer, alg: str) -> None:
    issuer.body = json.dumps({"keys": [{**ED.as_dict(private=False), "alg": alg}]}).encode()
    await verifier.verify(token())


@pytest.mark.parametrize("alg", ["Ed448", "HS256", "none"])
async def test_a_key_for_another_algorithm_is_not_used(verifier: TokenVerifier, issuer: Issuer, alg: str) -> None:
    keys = [{**ED.as_dict(private=False), "alg": alg}, EC.as_dict(private=False)]
    issuer.body = json.dumps({"keys": keys}).encode()
    assert await refusal(verifier, token()) == "token-key"


@pytest.mark.filterwarnings("ignore:Key size should be")
async def test_a_key_too_short_or_of_another_curve_is_not_used(verifier: TokenVerifier, issuer: Issuer) -> None:
    short = RSAKey.generate_key(1024, {"kid": "rsa"})
    issuer.publish(EC, short, ECKey.generate_key("P-384", {"kid": "p-384"}), OKPKey.generate_key("Ed448", {"kid": "x"}))
    for kid in ("rsa", "p-384", "x"):
        assert await refusal(verifier, token(short, "RS256", {"kid": kid})) == "token-key"


async def test_a_shared_secret_is_no_key(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, token(SECRET, "HS256")) == "token-key"


async def test_a_public_key_is_no_shared_secret(verifier: TokenVerifier) -> None:
    text = unsigned({"alg": "HS256", "kid": "rsa"}).removesuffix(".")
    mac = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    sent = f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert await refusal(verifier, sent) == "token-signature"


async def test_a_key_for_encryption_signs_nothing(verifier: TokenVerifier) -> None:
    sent = token(OKPKey.import_key({**ENCRYPTING.as_dict(private=True), "use": "sig"}))
    assert await refusal(verifier, sent) == "token-key"


async def test_the_key_decides_about_the_algorithm(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, token(EC, "ES256", {"kid": "ed"})) == "token-signature"


async def test_another_key_of_the_same_name_is_refused(verifier: TokenVerifier) -> None:
    assert await refusal(verifier, token(OTHER)) == "token-signature"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "a.b.c",
        "...",
        "đ",
        "x" * 8193,
        token(more="x" * 6200),
        token(header={"kid": None}),
        token(header={"typ": "hoso-receipt+jwt"}),
        token().rpartition(".")[0],
        token() + ".x",
        token() + ",",
        token() + "=",
    ],
)
async def test_what_is_no_access_token_is_malformed(verifier: TokenVerifier, sent: str) -> None:
    assert await refusal(verifier, sent) == "token-malformed"


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [1], [[]], 5, None, True, "b64"])
async def test_a_token_that_asks_for_an_extension_is_malformed(verifier: TokenVerifier, crit: object) -> None:
    sent = unsigned({"alg": "Ed25519", "kid": "ed", "crit": crit, "b64": False})
    assert await refusal(verifier, sent) == "token-malformed"


@pytest.mark.parametrize("header", [["alg"], "alg", ["alg", "kid"], 5])
async def test_a_token_whose_header_is_no_object_is_malformed(verifier: TokenVerifier, header: Any) -> None:
    assert await refusal(verifier, unsigned(header)) == "token-malformed"


@pytest.mark.parametrize("payload", [b"[]", b"1", b"null", b"\xff", b"", b"[" * 6000, b'{"exp": NaN}'])
async def test_claims_that_are_no_json_object_are_refused(verifier: TokenVerifier, payload: bytes) -> None:
    sent = jws.serialize_compact({"alg": "Ed25519", "kid": "ed"}, payload, ED, algorithms=["Ed25519"])
    assert await refusal(verifier, sent) == "token-claims"


async def test_a_changed_token_is_refused(verifier: TokenVerifier) -> None:
    header, _, signature = token().split(".")
    payload = token(role="officer").split(".")[1]
    assert await refusal(verifier, f"{header}.{payload}.{signature}") == "token-signature"


async def test_a_thousand_callers_ask_the_issuer_once(verifier: TokenVerifier, issuer: Issuer) -> None:
    sent = token()
    await asyncio.gather(*(verifier.verify(sent) for _ in range(1000)))
    assert issuer.asked == 1


async def test_unknown_keys_ask_the_issuer_at_most_once_a_pause(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock
) -> None:
    await verifier.verify(token())
    for _ in range(2):
        clock.now += 10
        asked = await asyncio.gather(*(refusal(verifier, token(header={"kid": f"k{n}"})) for n in range(50)))
        assert set(asked) == {"token-key"}
    assert issuer.asked == 3


async def test_a_new_key_is_found_and_a_removed_one_goes(verifier: TokenVerifier, issuer: Issuer, clock: Clock) -> None:
    await verifier.verify(token())
    issuer.publish(EC)
    clock.now += 10
    await verifier.verify(token(ED))
    clock.now += 600
    assert await refusal(verifier, token(ED)) == "token-key"
    await verifier.verify(token(EC, "ES256"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "OKP"}]}',
        json.dumps({"keys": [EC.as_dict(private=False)]}).encode() + b" " * 262_144,
    ],
)
async def test_the_keys_at_hand_serve_while_the_issuer_is_broken(
    verifier: TokenVerifier, issuer: Issuer, clock: Clock, body: bytes
) -> None:
    await verifier.verify(token())
    issuer.body = body
    clock.now += 601
    await verifier.verify(token())
    assert issuer.asked == 2


async def test_without_any_key_nobody_can_be_judged(verifier: TokenVerifier, issuer: Issuer, clock: Clock) -> None:
    issuer.status = 500
    for _ in range(2):
        with pytest.raises(Problem) as caught:
            await verifier.verify(token())
        assert caught.value.status_code == 503
    assert issuer.asked == 1
    issuer.status = 200
    clock.now += 1
    await verifier.verify(token())


@pytest.fixture
async def client(verifier: TokenVerifier) -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody in front of a route for citizens and officers."""
    router = APIRouter()

    @router.get("/me")
    async def me(caller: Annotated[Caller, Depends(require("citizen", "officer"))]) -> str:
        return caller.subject

    app = create_app(title="t", version="1", routers=[router], health=Health(), verifier=verifier)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        yield client


@pytest.mark.parametrize(
    ("header", "status", "slug", "challenge"),
    [
        (None, 401, "token-missing", 'Bearer realm="hoso"'),
        ("Basic YTpi", 401, "token-malformed", 'Bearer realm="hoso", error="invalid_token"'),
        ("Bearer", 401, "token-malformed", 'Bearer realm="hoso", error="invalid_token"'),
        ("Bearer a b", 401, "token-malformed", 'Bearer realm="hoso", error="invalid_token"'),
        (f"Bearer {token(role='agency')}", 403, "wrong-role", 'Bearer realm="hoso", error="insufficient_scope"'),
        (f"bearer {token()}", 200, None, None),
    ],
)
async def test_a_route_requires_a_role(
    client: httpx.AsyncClient, header: str | None, status: int, slug: str | None, challenge: str | None
) -> None:
    answer = await client.get("/me", headers={"authorization": header} if header else {})
    assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, challenge)
    assert slug is None or answer.json()["type"] == f"/problems/{slug}"
    assert header is None or header.partition(" ")[2] not in answer.text or header == "Bearer"


@pytest.mark.parametrize("other", [token(), token(role="officer"), "a.b.c", ""])
async def test_of_two_tokens_none_is_taken(client: httpx.AsyncClient, other: str) -> None:
    """Which of them a gateway in front has looked at, nobody can tell."""
    for given in ((token(), other), (other, token())):
        answer = await client.get("/me", headers=[("authorization", f"Bearer {one}") for one in given])
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/token-malformed")
