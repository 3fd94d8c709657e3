"""Attachment receipts checked offline: who issued them, for whose draft, and for what; asks nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self
from uuid import UUID

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hoso_chassis.compact_jws import header_of
from hoso_dossier.flaws import Flaw
from hoso_dossier.values import Attachment

TYPE: Final = "hoso-receipt+jwt"
ALGORITHM: Final = "Ed25519"
ROOT: Final = "/receipts"


class NoReceiptKeys(Exception):
    """The file with the public keys cannot be used; the message says why and holds nothing of it."""


class Claims(BaseModel):
    """What storage vouches for."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    attachment: UUID
    draft: UUID
    component: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
    sub: Annotated[str, Field(max_length=128)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=1, le=2**53 - 1)]
    media_type: Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$", max_length=100)]
    exp: int


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the receipts of one submission must say."""

    draft: UUID
    subject: str
    components: frozenset[str]
    mandatory: tuple[str, ...]
    now: datetime


@dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """The public keys (Ed25519) by `kid`; the algorithm is decided here and never by a receipt."""

    keys: Mapping[str, OKPKey] = field(repr=False)

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a JWKS file.

        Raises:
            NoReceiptKeys: it is not there, or a key in it is none of ours.
        """
        try:
            entries = TypeAdapter(_Keys).validate_json(file.read_bytes()).keys
            keys = [OKPKey.import_key(dict(entry)) for entry in entries]
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            raise NoReceiptKeys(f"RECEIPT_PUBLIC_KEYS_FILE cannot be read ({type(error).__name__})") from None
        if not keys or any(key.curve_name != "Ed25519" or key.is_private or not key.kid for key in keys):
            raise NoReceiptKeys("RECEIPT_PUBLIC_KEYS_FILE must hold public Ed25519 keys, each with a kid")
        return cls({str(key.kid): key for key in keys})

    def check(self, receipts: Sequence[str], expected: Expected) -> tuple[list[Attachment], list[Flaw]]:
        """Return the attachments that the receipts vouch for, and everything that is wrong with the receipts."""
        claims = [self._open(receipt) for receipt in receipts]
        flaws: list[Flaw] = []
        seen: set[UUID] = set()
        for index, claim in enumerate(claims):
            flaws += [Flaw(f"{ROOT}/{index}", code) for code in _flaws(claim, expected, seen)]
        given = {claim.component for claim in claims if claim}
        flaws += [Flaw(ROOT, "component-missing") for component in expected.mandatory if component not in given]
        return [_attachment(claim) for claim in claims if claim], flaws

    def _open(self, receipt: str) -> Claims | None:
        """Return what a receipt says if one of our keys signed it."""
        try:
            header = header_of(receipt)
            if (header.get("typ"), header.get("alg")) != (TYPE, ALGORITHM):
                return None
            signed = jws.deserialize_compact(receipt, self.keys[header["kid"]], algorithms=[ALGORITHM])
            return Claims.model_validate_json(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError, ValidationError):
            return None


def _flaws(claim: Claims | None, expected: Expected, seen: set[UUID]) -> Iterator[str]:
    if claim is None:
        yield "receipt-forged"
        return
    if claim.exp <= expected.now.timestamp():
        yield "receipt-expired"
    if claim.draft != expected.draft:
        yield "receipt-of-other-draft"
    if claim.sub != expected.subject:
        yield "receipt-of-other-person"
    if claim.component not in expected.components:
        yield "receipt-of-other-component"
    if claim.attachment in seen:
        yield "receipt-repeated"
    seen.add(claim.attachment)


def _attachment(claim: Claims) -> Attachment:
    return Attachment(claim.attachment, claim.component, claim.sha256, claim.size, claim.media_type)
