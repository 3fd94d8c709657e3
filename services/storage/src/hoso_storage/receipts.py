"""Receipts for uploads: signed facts that dossier checks by itself, with the public key only; signs, keeps nothing."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from hoso_storage.domain import RECEIPT_LIFE, Attachment

TYPE: Final = "hoso-receipt+jwt"
ALGORITHM: Final = "Ed25519"


class NoReceiptKey(Exception):
    """The file with the private key cannot be used; the message says why and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Receipted:
    """What a receipt vouches for: facts that never change.

    Attributes:
        subject: who sent the file.
        received_at: when, UTC; the receipt ends 30 days later.
    """

    attachment_id: UUID
    draft_id: UUID
    component: str
    subject: str
    sha256: str
    size: int
    media_type: str
    received_at: datetime

    @classmethod
    def of(cls, attachment: Attachment) -> "Receipted":
        """Take them from an attachment."""
        return cls(
            attachment.id,
            attachment.draft_id,
            attachment.component,
            attachment.subject,
            attachment.sha256,
            attachment.size,
            attachment.media_type,
            attachment.created_at,
        )


@dataclass(frozen=True, slots=True)
class Receipts:
    """Signs with one Ed25519 key. The same facts give the same receipt, byte for byte (RFC 8032)."""

    key: OKPKey = field(repr=False)

    @classmethod
    def load(cls, file: Path) -> "Receipts":
        """Read the private key (JWK with kid).

        Raises:
            NoReceiptKey: the file is not there or holds something else.
        """
        try:
            key = OKPKey.import_key(orjson.loads(file.read_bytes()))
        except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
            raise NoReceiptKey(f"RECEIPT_PRIVATE_KEY_FILE cannot be read ({type(error).__name__})") from None
        if key.curve_name != "Ed25519" or not key.is_private or not key.kid:
            raise NoReceiptKey("RECEIPT_PRIVATE_KEY_FILE must hold a private Ed25519 JWK with a kid")
        return cls(key)

    def sign(self, facts: Receipted) -> str:
        """Return the receipt, a compact JWS."""
        begin = int(facts.received_at.timestamp())
        claims = {
            "attachment": str(facts.attachment_id),
            "draft": str(facts.draft_id),
            "component": facts.component,
            "sub": facts.subject,
            "sha256": facts.sha256,
            "size": facts.size,
            "media_type": facts.media_type,
            "iat": begin,
            "exp": begin + int(RECEIPT_LIFE.total_seconds()),
        }
        header = {"alg": ALGORITHM, "kid": self.key.kid, "typ": TYPE}
        return jws.serialize_compact(header, orjson.dumps(claims), self.key, algorithms=[ALGORITHM])
