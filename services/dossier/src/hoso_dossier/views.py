"""What people are shown of a dossier, made from what is kept; a citizen never sees which of their data differed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, Field

from hoso_dossier.domain import NOT_SCANNED, Dossier
from hoso_dossier.flaws import WORDS
from hoso_dossier.procedures import Procedure
from hoso_dossier.values import STATUS_TITLES, Answer, Status

_IDENTITY: Final = {
    Answer.VERIFIED: ("Thông tin nhân thân đã được xác nhận", "The identity is confirmed"),
    Answer.AWAITED: WORDS["identity-awaited"],
    Answer.REJECTED: WORDS["identity-rejected"],
}
_PAPERS_CLEAN: Final = (
    "Giấy tờ đính kèm đã được quét, không có mã độc",
    "The attachments were scanned and no malware was found",
)


class Titled(BaseModel):
    """Something with a name for people."""

    title: Annotated[str, Field(description="In Vietnamese.")]
    title_en: Annotated[str, Field(description="In English.")]


class ReadinessFact(Titled):
    """One fact that accepting needs."""

    fulfilled: bool


class Readiness(BaseModel):
    """What accepting needs, and whether it is there."""

    identity: ReadinessFact
    attachments: ReadinessFact

    @property
    def complete(self) -> bool:
        """Whether everything is there."""
        return self.identity.fulfilled and self.attachments.fulfilled


class ProcedureName(BaseModel):
    """The procedure of a dossier."""

    code: str
    name: str


class AttachmentView(BaseModel):
    """A paper of a dossier; its content is had from storage."""

    id: UUID
    component: str
    component_name: str
    media_type: str
    size: Annotated[int, Field(description="Bytes.")]
    sha256: str
    state: Annotated[str, Field(description="`submitted`, `stored`, `clean`, `not-scanned`, `infected`, `expired`.")]


class ReceiptView(BaseModel):
    """A receipt that was issued."""

    form: Annotated[str, Field(description="`CT04`, `CT05` or `CT06`.")]
    number: str
    issued_at: datetime
    due_at: datetime | None = None


class StatusReason(BaseModel):
    """Why a dossier stands where it stands."""

    reason: Annotated[str, Field(description="`not-eligible`, `attachment-unusable`. Open value.")]
    detail: Annotated[
        str | None, Field(description="The same in words, in Vietnamese: the officer's own, or fixed ones.")
    ]


class DossierView(BaseModel):
    """A dossier as its owner and the officers of its agency see it."""

    id: UUID
    code: str
    procedure: ProcedureName
    case: str
    agency: str
    channel: str
    status: Annotated[int, Field(description="1-10, as the national portal numbers them.")]
    status_title: str
    status_title_en: str
    status_reason: Annotated[
        StatusReason | None, Field(description="Why it was refused (status 3), or why papers are asked for (status 5).")
    ]
    submitted_at: datetime
    due_at: datetime | None
    answers: dict[str, Any]
    attachments: list[AttachmentView]
    receipts: list[ReceiptView]
    ready_to_accept: Annotated[bool | None, Field(description="For officers: whether `accept` would succeed now.")] = (
        None
    )
    readiness: Annotated[Readiness | None, Field(description="For officers, while the dossier is in status 1.")] = None

    @classmethod
    def of(
        cls,
        dossier: Dossier,
        procedure: Procedure,
        answers: dict[str, Any],
        receipts: Sequence[Mapping[str, Any]],
        reason: Mapping[str, Any] | None,
    ) -> Self:
        """Make it from its parts, as its owner sees it."""
        title, title_en = STATUS_TITLES[dossier.status]
        return cls(
            id=dossier.id,
            code=dossier.code,
            procedure=ProcedureName(code=dossier.procedure, name=dossier.procedure_name),
            case=dossier.case,
            agency=dossier.agency,
            channel=dossier.channel,
            status=dossier.status,
            status_title=title,
            status_title_en=title_en,
            status_reason=StatusReason.model_validate(reason) if reason else None,
            submitted_at=dossier.submitted_at,
            due_at=dossier.due_at,
            answers=answers,
            attachments=_attachments(dossier, procedure),
            receipts=[ReceiptView.model_validate(one) for one in receipts],
        )

    def for_officer(self, readiness: Readiness | None) -> Self:
        """Add what an officer decides by."""
        ready = readiness is not None and readiness.complete
        return self.model_copy(update={"ready_to_accept": ready, "readiness": readiness})


def _attachments(dossier: Dossier, procedure: Procedure) -> list[AttachmentView]:
    return [
        AttachmentView(
            id=one.id,
            component=one.component,
            component_name=procedure.component_name(one.component),
            media_type=one.media_type,
            size=one.size,
            sha256=one.sha256,
            state="expired" if one.expired_at else one.verdict or ("stored" if one.stored_at else "submitted"),
        )
        for one in dossier.attachments
    ]


def readiness(dossier: Dossier, *, take_not_scanned: bool) -> Readiness | None:
    """Return what accepting a dossier needs and has; None when it is past being accepted."""
    if dossier.status is not Status.REGISTERED:
        return None
    missing = dossier.missing(take_not_scanned=take_not_scanned)
    papers = next((code for code in missing if code.startswith("attachment-")), None)
    answer = dossier.verification.answer
    return Readiness(
        identity=_fact(_IDENTITY[answer], fulfilled=answer is Answer.VERIFIED),
        attachments=_fact(WORDS[papers] if papers else _fine_papers(dossier), fulfilled=papers is None),
    )


def _fine_papers(dossier: Dossier) -> tuple[str, str]:
    unseen = any(one.verdict == NOT_SCANNED for one in dossier.attachments)
    return WORDS["attachment-not-scanned"] if unseen else _PAPERS_CLEAN


def _fact(words: tuple[str, str], *, fulfilled: bool) -> ReadinessFact:
    return ReadinessFact(fulfilled=fulfilled, title=words[0], title_en=words[1])
