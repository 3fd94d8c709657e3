"""Who calls: bearer tokens verified against the issuer's published keys; never says what a token holds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Annotated, Any, Literal, cast

import httpx
import orjson
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey
from pydantic import Field, TypeAdapter, ValidationError

from hoso_chassis.compact_jws import header_of
from hoso_chassis.problem_words import Words
from hoso_chassis.problems import Problem, standard

Role = Literal["citizen", "officer", "agency", "operator", "service"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~:-]{1,64}$")]
_TYPES = frozenset({"jwt", "at+jwt"})
_ALGORITHMS = ["Ed25519", "ES256", "RS256"]  # asymmetric: a key that is published signs nothing
_RSA_BITS = 2048  # NIST SP 800-131A
_TOKEN_BYTES = 8192
_KEYS_BYTES = 262_144
_log = structlog.stdlib.get_logger("hoso_chassis.tokens")
_bearer = HTTPBearer(
    bearerFormat="JWT",
    scheme_name="bearer",
    description="JWT of the issuer, `aud` hoso, with one `role`; signed with Ed25519, ES256 or RS256.",
    auto_error=False,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the issuer vouches for it.

    Attributes:
        subject: opaque id of a person or a program.
        role: what they act as.
        unit: the handling unit an officer belongs to.
        agency: the agency an officer or a subscriber belongs to.
        assurance: 1 or 2, how surely the person was identified.
    """

    subject: Annotated[str, Field(validation_alias="sub", pattern=r"^[A-Za-z0-9._~:-]{1,128}$")]
    role: Role
    unit: Name | None = None
    agency: Name | None = None
    assurance: Annotated[int, Field(strict=True, ge=1, le=2)] = 1


_CALLER = TypeAdapter(Caller)


_SIGN_IN: Words = (
    "Đăng nhập lại để nhận mã truy cập mới rồi gửi lại; nếu vẫn lỗi, báo cho đơn vị vận hành mã trace_id",
    "Sign in again and send it with the new token; if it goes on, tell the operator the trace_id",
)


def _unauthorized(why: str) -> Problem:
    if why == "missing":
        return standard(401, {"www-authenticate": 'Bearer realm="hoso"'})
    happened = {
        "expired": ("Phiên đăng nhập đã hết hạn", "The access token has expired"),
        "audience": ("Mã truy cập không dành cho dịch vụ này", "The access token is for another service"),
    }.get(why, ("Mã truy cập không hợp lệ", "The access token is not valid"))
    challenge = {"www-authenticate": 'Bearer realm="hoso", error="invalid_token"'}
    return Problem(401, f"token-{why}", happened, _SIGN_IN, headers=challenge)


def _wrong_role() -> Problem:
    return Problem(
        403,
        "wrong-role",
        ("Vai trò của Ông/Bà không có quyền thực hiện việc này", "Your role does not allow this"),
        ("Sử dụng tài khoản có vai trò được phép", "Use an account with a role that may do it"),
        headers={"www-authenticate": 'Bearer realm="hoso", error="insufficient_scope"'},
    )


def refusals() -> tuple[Problem, ...]:
    """Return what a route that requires a caller answers for the token's sake."""
    whys = ("missing", "malformed", "key", "signature", "expired", "audience", "claims")
    return (*map(_unauthorized, whys), _wrong_role())


class _Algorithms(jws.JWSRegistry):
    """Reads the older name "EdDSA" as "Ed25519" (RFC 9864), which joserfc would accept with a warning."""

    def get_alg(self, name: str) -> Any:  # joserfc's model of an algorithm is private
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Algorithms(algorithms=_ALGORITHMS)


def _usable(entry: dict[str, Any]) -> Key | None:
    """Return the key if it is for signing with one of our algorithms; the key decides which, and never the token."""
    try:
        key = JWKRegistry.import_key({**entry, "alg": "Ed25519"} if entry.get("alg") == "EdDSA" else entry)
    except (JoseError, ValueError, TypeError, AttributeError):
        return None
    weak = isinstance(key, RSAKey) and key.raw_value.key_size < _RSA_BITS
    return key if key.kid and not weak and _REGISTRY.filter_algorithms(key, _ALGORITHMS) else None


@dataclass(slots=True)
class TokenVerifier:
    """Verifies bearer tokens with the keys an issuer publishes (JWKS).

    Keys are fetched at first use (then once a second until there are some), again when a token names an unknown key (at
    most once in `pause` seconds) and when they are older than `max_age` seconds. An issuer that is away does not matter
    while the keys at hand suffice.
    """

    jwks_url: str
    issuer: str
    audience: str = "hoso"
    leeway: int = 10
    pause: float = 10.0
    max_age: float = 600.0
    client: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=3.0))
    clock: Callable[[], float] = monotonic
    now: Callable[[], float] = time
    _keys: dict[str, Key] = field(default_factory=dict[str, Key], init=False)
    _fetched_at: float = field(default=float("-inf"), init=False)
    _tried_at: float = field(default=float("-inf"), init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def verify(self, token: str) -> Caller:
        """Return who calls.

        Raises:
            Problem: 401 token-malformed, token-key, token-signature, token-expired, token-audience, token-claims;
                503 when no keys could be fetched yet.
        """
        if len(token) > _TOKEN_BYTES:
            raise _unauthorized("malformed")
        key = await self._key(_key_id(token))
        try:
            signed = jws.deserialize_compact(token, key, registry=_REGISTRY)
        except (JoseError, ValueError):
            raise _unauthorized("signature") from None
        return self._caller(_claims(signed.payload))

    async def close(self) -> None:
        """Close the connection to the issuer."""
        await self.client.aclose()

    async def _key(self, kid: str) -> Key:
        stale = self.clock() - self._fetched_at > self.max_age
        if kid not in self._keys or (stale and not self._lock.locked()):
            await self._refresh(kid if not stale else None)
        if not self._keys:
            raise standard(503, {"retry-after": "5"})
        try:
            return self._keys[kid]
        except KeyError:
            raise _unauthorized("key") from None

    async def _refresh(self, wanted: str | None) -> None:
        async with self._lock:
            now = self.clock()
            if wanted in self._keys or now - self._tried_at < (self.pause if self._keys else 1.0):
                return
            self._tried_at = now
            try:
                self._keys, self._fetched_at = await self._fetch(), now
            except (httpx.HTTPError, ValueError, TypeError, LookupError) as error:
                _log.warning("token-keys-not-fetched", exc_info=error, keys=len(self._keys))

    async def _fetch(self) -> dict[str, Key]:
        async with self.client.stream("GET", self.jwks_url) as response:
            response.raise_for_status()
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _KEYS_BYTES:
                    raise ValueError("the key set is too large")
        keys = [key for key in map(_usable, orjson.loads(body)["keys"]) if key is not None]
        if not keys:
            raise ValueError("the key set has no usable key")
        return {str(key.kid): key for key in keys}

    def _caller(self, claims: dict[str, Any]) -> Caller:
        audience = claims.get("aud")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise _unauthorized("audience")
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self.now()),
            leeway=self.leeway,
            iss={"essential": True, "value": self.issuer},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
            return _CALLER.validate_python(claims)
        except ExpiredTokenError:
            raise _unauthorized("expired") from None
        except (JoseError, ValidationError):
            raise _unauthorized("claims") from None


def _claims(payload: bytes) -> dict[str, Any]:
    """Return a token's claims; orjson ends where too deep a nesting would be a RecursionError."""
    try:
        found: object = orjson.loads(payload)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _unauthorized("claims")
    return cast("dict[str, Any]", found)


def _key_id(token: str) -> str:
    """Return the `kid` of a token's header, before anything of it is believed."""
    try:
        header = header_of(token)
    except ValueError:
        raise _unauthorized("malformed") from None
    kid, kind = header.get("kid"), header.get("typ", "JWT")
    if not isinstance(kid, str) or not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise _unauthorized("malformed")
    return kid


def require(*roles: Role) -> Callable[..., Awaitable[Caller]]:
    """Make a dependency that returns the caller, who must have one of these roles (none named: any role).

    Raises:
        Problem: 401 when there is no acceptable token, 403 wrong-role.
    """

    async def caller(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Caller:
        given = request.headers.getlist("authorization")
        if credentials is None or len(given) > 1:  # of two, a gateway may have looked at the other one
            raise _unauthorized("malformed" if given else "missing")
        verifier: TokenVerifier | None = request.app.state.verifier
        if verifier is None:
            raise standard(503, {"retry-after": "5"})
        found = await verifier.verify(credentials.credentials)
        if roles and found.role not in roles:
            raise _wrong_role()
        return found

    return caller
