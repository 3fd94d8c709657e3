"""Storage's HTTP routes: take a file in, tell its facts, give its content; other people's files do not exist here."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from hoso_chassis.database import Database
from hoso_chassis.description import answer, problem_responses
from hoso_chassis.idempotency import Scope, idempotency_key
from hoso_chassis.limits import limit_body
from hoso_chassis.problems import standard
from hoso_chassis.tokens import Caller, require
from hoso_storage import refusals, store
from hoso_storage.domain import Attachment
from hoso_storage.intake import Intake
from hoso_storage.objects import ObjectGone, Objects, ObjectsUnavailable
from hoso_storage.places import Places
from hoso_storage.receipts import Receipts
from hoso_storage.uploads import BODY_LIMIT, read_upload

Citizen = Annotated[Caller, Depends(require("citizen"))]
Key = Annotated[str, Depends(idempotency_key)]

_HIDDEN: Final = frozenset({"receiving", "expired"})
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["draft_id", "component", "file"],
                    "additionalProperties": False,
                    "properties": {
                        "draft_id": {"type": "string", "format": "uuid", "description": "The draft it belongs to."},
                        "component": {
                            "type": "string",
                            "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
                            "description": "Which paper of the procedure it is, such as proof-of-dwelling.",
                        },
                        "file": {
                            "type": "string",
                            "contentMediaType": "application/octet-stream",
                            "description": "PDF, JPEG or PNG, 1 to 5,242,880 bytes; must be the last part. "
                            "Its name and declared type are not looked at.",
                        },
                    },
                }
            }
        },
    }
}
_STORED: Final = answer(201, "The file was taken in.", "Location") | problem_responses(
    refusals.malformed_form(),
    refusals.wrong_parts(),
    refusals.upload_too_slow(),
    refusals.too_large(),
    415,
    refusals.media_type_not_allowed(),
    refusals.wrong_field("draft_id"),
    refusals.empty_file(),
    refusals.too_many_at_once(),
    refusals.too_many_in_draft(),
    refusals.too_many_today(),
    refusals.too_busy(),
)
_TOLD: Final = answer(200, "What is known of the file.") | problem_responses(404)
_READ: Final = answer(
    200,
    "The content, as an attachment without a name.",
    "Cache-Control",
    "Content-Disposition",
    "Content-Length",
    "Content-Security-Policy",
) | problem_responses(404, refusals.not_readable_yet(), refusals.infected(), refusals.objects_unavailable())
_READ[200]["content"] = {kind: {} for kind in ("application/pdf", "image/jpeg", "image/png")}


class StoredAttachment(BaseModel):
    """A file that was taken in."""

    id: UUID = Field(description="The attachment.")
    sha256: str = Field(description="SHA-256 of the content, 64 lower-case hexadecimal digits.")
    size: int = Field(description="Bytes of the content.")
    media_type: str = Field(description="Found by looking at the content.")
    state: str = Field("stored", description="Always `stored`: in quarantine until a dossier is submitted.")
    receipt: str = Field(description="Signed receipt (compact JWS) to submit the dossier with; valid for 30 days.")


class AttachmentFacts(BaseModel):
    """What is known of a file."""

    id: UUID = Field(description="The attachment.")
    draft_id: UUID = Field(description="The draft it was sent for, also the dossier's id.")
    component: str = Field(description="Which paper of the procedure it is.")
    sha256: str = Field(description="SHA-256 of the content, 64 lower-case hexadecimal digits.")
    size: int = Field(description="Bytes of the content.")
    media_type: str = Field(description="Found by looking at the content.")
    state: str = Field(description="`stored`, `bound`, `scanned` or `lost`. Open value.")
    verdict: str | None = Field(description="`clean`, `infected` or `not-scanned`; null before. Open value.")
    created_at: AwareDatetime = Field(description="When it was received.")


@dataclass(frozen=True, slots=True)
class Reading:
    """How an upload is read: its places, the longest pause and the longest time in all, in seconds."""

    places: Places
    idle_seconds: float
    seconds: float


def attachments_router(  # one closure over the parts that the routes use
    database: Database, objects: Objects, intake: Intake, receipts: Receipts, reading: Reading
) -> APIRouter:
    """Return the routes under /v1/attachments."""
    router = APIRouter(prefix="/v1/attachments", tags=["attachments"])

    async def owned(attachment_id: UUID, caller: Citizen) -> Attachment:
        async with database.connection() as connection:
            found = await store.find(connection, attachment_id)
        if found is None or found.subject != caller.subject or found.state in _HIDDEN:
            raise standard(404)
        return found

    @router.post("", status_code=201, openapi_extra=_UPLOAD, responses=_STORED)
    @limit_body(BODY_LIMIT, reading.seconds)
    async def upload_attachment(request: Request, response: Response, caller: Citizen, key: Key) -> StoredAttachment:
        """Take one file in for a draft; counted, hashed and looked at while it is read."""
        async with reading.places.begin(caller.subject) as place:
            upload = await read_upload(request, place, reading.idle_seconds)
            kept = await intake.keep(upload, caller.subject, Scope.of(request, caller.subject, key))
        response.headers["location"] = f"/v1/attachments/{kept.attachment_id}"
        return StoredAttachment(
            id=kept.attachment_id,
            sha256=kept.sha256,
            size=kept.size,
            media_type=kept.media_type,
            state="stored",
            receipt=receipts.sign(kept),
        )

    @router.get("/{attachment_id}", responses=_TOLD)
    async def get_attachment(found: Annotated[Attachment, Depends(owned)]) -> AttachmentFacts:
        """Tell the facts of a file of yours."""
        return AttachmentFacts.model_validate(found, from_attributes=True)

    @router.get("/{attachment_id}/content", response_class=StreamingResponse, responses=_READ)
    async def get_content(found: Annotated[Attachment, Depends(owned)]) -> StreamingResponse:
        """Give the content of a file of yours, once a scanner has called it clean."""
        if not found.is_readable:
            raise refusals.infected() if found.verdict == "infected" else refusals.not_readable_yet()
        return StreamingResponse(
            await _begun(objects.read(found.id)),
            media_type=found.media_type,
            headers={
                "content-length": str(found.size),
                "content-disposition": "attachment",
                "content-security-policy": "sandbox; default-src 'none'",
                "x-content-type-options": "nosniff",
                "cache-control": "private, no-store",
            },
        )

    return router


async def _begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Read the first piece before anything is answered, so that a failure still can be; return all of them."""
    try:
        first = await anext(pieces, b"")
    except ObjectGone:
        raise standard(404) from None
    except ObjectsUnavailable:
        raise refusals.objects_unavailable() from None

    async def whole() -> AsyncGenerator[bytes]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    return whole()
