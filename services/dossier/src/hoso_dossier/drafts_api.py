"""HTTP: drafts, from the first answer to the submission; a draft of somebody else's is not there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import from_json
from uuid_utils.compat import uuid7

from hoso_chassis.database import Database
from hoso_chassis.http import check_version, etag, if_match, json_body
from hoso_chassis.idempotency import JSON, Scope, claim, digest, idempotency_key, keep
from hoso_chassis.problems import FieldError, Problem, problem_responses, standard
from hoso_chassis.tokens import Caller, require
from hoso_dossier import drafts
from hoso_dossier.drafts import Draft
from hoso_dossier.merge_patch import depth, merged
from hoso_dossier.procedures import Catalogue, Procedure
from hoso_dossier.submission import Submissions

ANSWERS_BYTES: Final = 65_536
ANSWERS_DEPTH: Final = 20
RECEIPTS: Final = 50
RECEIPT_LENGTH: Final = 4096
_PATCH_TYPES: Final = frozenset({"application/merge-patch+json", "application/json"})
_PATCH_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {
                "schema": {"type": "object", "properties": {"answers": {"type": "object"}}},
                "example": {"answers": {"full_name": "Nguyễn Thị Mẫu", "passport_number": None}},
            }
            for media_type in sorted(_PATCH_TYPES)
        },
    }
}

Citizen = Annotated[Caller, Depends(require("citizen"))]
Key = Annotated[str, Depends(idempotency_key)]
Seen = Annotated[int, Depends(if_match)]
Body = Annotated[bytes, Depends(json_body)]


class NewDraft(BaseModel):
    """What a draft begins with."""

    model_config = ConfigDict(extra="forbid")

    procedure: Annotated[str, Field(max_length=64, description="Code of a procedure.", examples=["1.004194"])]


class DraftView(BaseModel):
    """A draft as its owner sees it."""

    id: Annotated[UUID, Field(description="Also the later dossier's id.")]
    procedure: str
    procedure_version: Annotated[int, Field(description="The version whose form the answers are held against.")]
    answers: Annotated[dict[str, Any], Field(description="As given; held against the form at submission.")]
    created_at: datetime
    expires_at: Annotated[datetime, Field(description="30 days after it was begun; then it is deleted.")]


class Submission(BaseModel):
    """What a submission brings beside the answers."""

    model_config = ConfigDict(extra="forbid")

    receipts: Annotated[
        list[Annotated[str, Field(max_length=RECEIPT_LENGTH)]],
        Field(max_length=RECEIPTS, description="The receipts storage gave for the attachments, compact JWS each."),
    ]


class Submitted(BaseModel):
    """A dossier code is the proof of submission."""

    id: Annotated[UUID, Field(description="The dossier's id, which was the draft's.")]
    code: Annotated[str, Field(examples=["G01.999.000.000-261124-0001"])]
    status: Annotated[int, Field(description="1, “Mới đăng ký”.")] = 1


@dataclass(frozen=True, slots=True)
class DraftsApi:
    """Routes of drafts."""

    database: Database
    catalogue: Catalogue
    submissions: Submissions

    def router(self) -> APIRouter:
        """Return the routes."""
        refused = problem_responses(401, 403, 422, 503)
        router = APIRouter(prefix="/v1/drafts", tags=["drafts"], responses=refused)
        router.add_api_route(
            "", self.begin, methods=["POST"], status_code=201, responses=problem_responses(400, 408, 409, 413, 415)
        )
        router.add_api_route("/{draft_id}", self.show, methods=["GET"], responses=problem_responses(404))
        router.add_api_route(
            "/{draft_id}",
            self.change,
            methods=["PATCH"],
            openapi_extra=_PATCH_BODY,
            responses=problem_responses(400, 404, 408, 412, 413, 415, 428),
        )
        router.add_api_route(
            "/{draft_id}/submit",
            self.submit,
            methods=["POST"],
            status_code=201,
            responses=problem_responses(400, 404, 408, 409, 413, 415),
        )
        return router

    async def begin(
        self, request: Request, response: Response, body: NewDraft, citizen: Citizen, key: Key
    ) -> DraftView:
        """Begin a draft: it lives 30 days and is seen by nobody but its owner."""
        procedure = self._procedure(body.procedure, citizen)
        scope, sent = Scope.of(request, citizen.subject, key), digest(body.model_dump())
        async with self.database.transaction() as tx:
            facts = await claim(tx.connection, scope, sent)
            if facts is None:
                draft = _new(procedure, self.database.clock())
                await drafts.add(tx.connection, draft, citizen.subject)
                facts = _facts(draft)
                await keep(tx.connection, scope, sent, facts)
        response.headers["location"] = f"/v1/drafts/{facts['id']}"
        response.headers["etag"] = etag(1)
        return DraftView.model_validate(facts | {"answers": {}})

    async def show(self, response: Response, draft_id: UUID, citizen: Citizen) -> DraftView:
        """One's own draft."""
        async with self.database.connection() as connection:
            draft = await drafts.find(connection, draft_id, citizen.subject)
        if draft is None:
            raise standard(404)
        return _shown(response, draft, draft.answers, draft.version)

    async def change(  # noqa: PLR0913, PLR0917  # one parameter for each thing a request brings
        self, request: Request, response: Response, draft_id: UUID, citizen: Citizen, seen: Seen, body: Body
    ) -> DraftView:
        """Change the answers by a JSON Merge Patch (RFC 7396).

        The patch is one of the draft, `{"answers": {...}}`; a body without the member `answers` alone is taken as a
        patch of the answers themselves.
        """
        patch = _patch(request, body)
        async with self.database.transaction() as tx:
            draft = await drafts.lock(tx.connection, draft_id, citizen.subject)
            if draft is None:
                raise standard(404)
            check_version(seen, draft.version)
            answers = _bounded(merged(draft.answers, patch))
            await drafts.save(tx.connection, draft_id, answers, draft.version + 1)
        return _shown(response, draft, answers, draft.version + 1)

    async def submit(  # noqa: PLR0913, PLR0917  # one parameter for each thing a request brings
        self, request: Request, response: Response, draft_id: UUID, body: Submission, citizen: Citizen, key: Key
    ) -> Submitted:
        """Submit: the draft becomes a dossier with the same id, and the code is the proof of it."""
        scope = Scope.of(request, citizen.subject, key)
        facts = await self.submissions.submit(draft_id, citizen.subject, body.receipts, scope)
        response.headers["location"] = f"/v1/dossiers/{facts['id']}"
        response.headers["etag"] = etag(1)
        return Submitted.model_validate(facts)

    def _procedure(self, code: str, citizen: Caller) -> Procedure:
        procedure = self.catalogue.current.get(code)
        if procedure is None:
            title, title_en = "Không có thủ tục này", "There is no such procedure"
            error = FieldError(pointer="/procedure", code="unknown-procedure", title=title, title_en=title_en)
            raise Problem(422, "unknown-procedure", title, title_en, [error])
        if citizen.assurance < procedure.minimum_assurance:
            raise Problem(
                403,
                "assurance-too-low",
                "Thủ tục này cần tài khoản định danh mức cao hơn",
                "This procedure needs an account of a higher level of assurance",
                minimum_assurance=procedure.minimum_assurance,
            )
        return procedure


def _new(procedure: Procedure, now: datetime) -> Draft:
    return Draft(uuid7(), procedure.code, procedure.version, {}, 1, now, now + drafts.LIFE, now)


def _facts(draft: Draft) -> dict[str, JSON]:
    return {
        "id": str(draft.id),
        "procedure": draft.procedure,
        "procedure_version": draft.procedure_version,
        "created_at": draft.created_at.isoformat(),
        "expires_at": draft.expires_at.isoformat(),
    }


def _shown(response: Response, draft: Draft, answers: Mapping[str, Any], version: int) -> DraftView:
    response.headers["etag"] = etag(version)
    return DraftView.model_validate(_facts(draft) | {"answers": answers})


def _patch(request: Request, body: bytes) -> dict[str, Any]:
    """Return the patch of the answers that a request brings."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _PATCH_TYPES:
        raise standard(415, {"accept-patch": ", ".join(sorted(_PATCH_TYPES))})
    patch: Any = from_json(body)
    if isinstance(patch, dict) and set(patch) == {"answers"}:  # pyright: ignore[reportUnknownArgumentType]
        patch = patch["answers"]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(patch, dict):
        title, title_en = "Nội dung thay đổi phải là một đối tượng JSON", "The patch of the answers must be an object"
        error = FieldError(pointer="/answers", code="wrong-type", title=title, title_en=title_en)
        raise Problem(422, "answers-invalid", title, title_en, [error])
    return patch  # pyright: ignore[reportUnknownVariableType]


def _bounded(answers: dict[str, Any]) -> dict[str, Any]:
    """Return answers that may be kept; raises a Problem for what is too large, too deep, or no JSON."""
    if depth(answers) > ANSWERS_DEPTH:
        raise Problem(422, "answers-too-deep", "Tờ khai lồng quá nhiều cấp", "The answers nest too deep")
    try:
        size = len(dumps(answers, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:  # 1e400 is JSON by its grammar, and no number that anybody can keep
        raise standard(400) from None
    if size > ANSWERS_BYTES:
        raise Problem(422, "answers-too-large", "Tờ khai vượt quá dung lượng cho phép", "The answers are too large")
    return answers
