"""Receipts that storage never gave, or not like this: each beside a good one, and refused alone."""

import json
from collections.abc import Callable
from typing import Any, Final

from joserfc.jwk import OKPKey

from support.receipt_forgery import (
    OF_OUR_NAME,
    STRANGER,
    by_rsa,
    encoded,
    flattened,
    headed,
    holding,
    keyed_with_the_public_key,
    opened,
    saying,
    with_other_spare_bits,
)
from support.receipt_trick import Trick, refused
from support.storage_samples import RECEIPT_KEY

Forge = Callable[[str], str]


def beside_a_good_one(name: str, forge: Forge, code: str = "receipt-forged") -> Trick:
    """A bad receipt beside a good one: refused for the bad one alone."""
    return Trick(name, refused(code), lambda papers: [forge(papers.other), papers.mandatory])


def with_header(name: str, header: object, key: OKPKey | None = RECEIPT_KEY) -> Trick:
    """Another header, or a header and another key."""
    return beside_a_good_one(name, lambda one: headed(one, header, key))


def saying_else(name: str, code: str = "receipt-forged", **changed: Any) -> Trick:
    """Other claims, signed by the right key."""
    return beside_a_good_one(name, lambda one: saying(one, **changed), code)


def holding_else(name: str, payload: bytes) -> Trick:
    """Something else instead of claims, signed by the right key."""
    return beside_a_good_one(name, lambda one: holding(one, payload))


def _changed(receipt: str) -> str:
    header, claims = opened(receipt)
    return ".".join((encoded(header), encoded(claims | {"size": claims["size"] + 1}), receipt.split(".")[2]))


def _part(receipt: str, place: int, text: str = "") -> str:
    parts = receipt.split(".")
    parts[place] = text
    return ".".join(parts)


_PUBLIC: Final = RECEIPT_KEY.as_dict(private=False)
_OWN_KEY: Final = {"jwk": OF_OUR_NAME.as_dict(private=False)}

FORGED: Final = (
    beside_a_good_one("claims changed after signing", _changed),
    beside_a_good_one("signature of another receipt", lambda one: _part(one, 2, saying(one, size=1).split(".")[2])),
    beside_a_good_one("signature missing", lambda one: _part(one, 2)),
    beside_a_good_one("claims missing", lambda one: _part(one, 1)),
    beside_a_good_one("header missing", lambda one: _part(one, 0)),
    with_header("a stranger's key of our name", {}, OF_OUR_NAME),
    with_header("a stranger's key", {"kid": STRANGER.kid}, STRANGER),
    with_header("an unknown kid", {"kid": "receipt-0"}),
    with_header("no kid", {"kid": None}),
    with_header("a kid that is a list", {"kid": [RECEIPT_KEY.kid]}),
    with_header("alg none", {"alg": "none"}, None),
    with_header("alg none, signed all the same", {"alg": "none"}),
    with_header("alg EdDSA", {"alg": "EdDSA"}),
    with_header("alg ES256", {"alg": "ES256"}),
    with_header("alg a list", {"alg": ["Ed25519"]}),
    with_header("no alg", {"alg": None}),
    beside_a_good_one(
        "HS256 of the key's bytes", lambda one: keyed_with_the_public_key(one, str(_PUBLIC["x"]).encode())
    ),
    beside_a_good_one(
        "HS256 of the key's JWK", lambda one: keyed_with_the_public_key(one, json.dumps(_PUBLIC).encode())
    ),
    beside_a_good_one(
        "HS256 of the key's PEM", lambda one: keyed_with_the_public_key(one, RECEIPT_KEY.as_pem(private=False))
    ),
    beside_a_good_one("RS256 of our name", by_rsa),
    with_header("typ of an access token", {"typ": "at+jwt"}),
    with_header("typ JWT", {"typ": "JWT"}),
    with_header("no typ", {"typ": None}),
    with_header("crit", {"crit": ["exp"], "exp": 1}),
    with_header("crit of an unencoded payload", {"crit": ["b64"], "b64": False}),
    with_header("crit that is a number", {"crit": 5}),
    with_header("crit of lists", {"crit": [["b64"]]}),
    with_header("an unknown member in the header", {"foo": "bar"}),
    with_header("a header that is a list", ["alg", "typ", "kid"]),
    with_header("a header that is a word", "alg typ kid"),
    with_header("embedded jwk", _OWN_KEY, OF_OUR_NAME),
    with_header("embedded x5c", {"x5c": ["AA=="]}, OF_OUR_NAME),
    with_header("jku", {"jku": "http://127.0.0.1:9/keys", "kid": STRANGER.kid}, STRANGER),
    Trick("an access token", refused("receipt-forged"), lambda papers: [papers.token, papers.mandatory]),
    beside_a_good_one("the JSON serialization", flattened),
    beside_a_good_one("five parts", lambda one: f"{one}.x.y"),
    beside_a_good_one("a comma behind", lambda one: f"{one},"),
    beside_a_good_one("a line break behind", lambda one: f"{one}\n"),
    beside_a_good_one("spelt in another way", with_other_spare_bits),
    beside_a_good_one("padding behind", lambda one: f"{one}=="),
    beside_a_good_one("noise", lambda _one: "a.b.c"),
    beside_a_good_one("no ASCII", lambda _one: "ẩ.ẩ.ẩ"),
    beside_a_good_one("empty", lambda _one: ""),
    beside_a_good_one("4096 characters", lambda _one: "x" * 4096),
    holding_else("claims that are a list", b"[]"),
    holding_else("claims that are no JSON", b"\xff"),
    holding_else("claims that nest deep", b"[" * 2000),
    saying_else("no end", exp=None),
    saying_else("no attachment", attachment=None),
    saying_else("an attachment that is no id", attachment="1"),
    saying_else("no bytes", size=0),
    saying_else("a hash that is none", sha256="x"),
    saying_else("a person that is a list", sub=["person-1"]),
    saying_else("a component with a slash", component="../other"),
)
