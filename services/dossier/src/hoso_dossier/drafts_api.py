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
from hoso_chassis.description import answer, problem_responses
from hoso_chassis.etags import check_version, etag, if_match
from hoso_chassis.http import json_body
from hoso_chassis.idempotency import JSON, Scope, claim, digest, idempotency_key, keep
from hoso_chassis.problems import standard
from hoso_chassis.tokens import Caller, require
from hoso_dossier import drafts, refusals
from hoso_dossier.assurance import check_assurance
from hoso_dossier.drafts import Draft
from hoso_dossier.flaws import Flaw
from hoso_dossier.merge_patch import depth, merged
from hoso_dossier.procedures import Catalogue, Procedure
from hoso_dossier.submission import Submissions

ANSWERS_BYTES: Final = 65_536
ANSWERS_DEPTH: Final = 20
RECEIPTS: Final = 50
RECEIPT_LENGTH: Final = 4096
_PATCH_TYPES: Final = frozenset({"application/merge-patch+json", "application/json"})
_PATCH_SCHEMA: Final = {
    "oneOf": [
        {
            "title": "PatchOfDraft",
            "description": "A patch of the draft, which has one member that can be changed.",
            "type": "object",
            "required": ["answers"],
            "properties": {"answers": {"type": "object", "description": "Null takes an answer away."}},
            "additionalProperties": False,
        },
        {
            "title": "PatchOfAnswers",
            "description": "A patch of the answers themselves.",
            "type": "object",
            "not": {"required": ["answers"], "maxProperties": 1},
        },
    ]
}
_PATCH_BODY: Final = {
    "requestBody": {
        "required": True,
        "description": f"At most {ANSWERS_BYTES} bytes; the answers it makes nest {ANSWERS_DEPTH} deep at most.",
        "content": {
            media_type: {
                "schema": _PATCH_SCHEMA,
                "example": {"answers": {"full_name": "Nguyễn Thị Mẫu", "passport_number": None}},
            }
            for media_type in sorted(_PATCH_TYPES)
        },
    }
}


async def patch_body(request: Request) -> bytes:
    """Return the checked JSON text of a merge patch; raises a Problem 400 or 415."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _PATCH_TYPES:
        raise refusals.no_patch(_PATCH_TYPES)
    return await json_body(request)


Citizen = Annotated[Caller, Depends(require("citizen"))]
Key = Annotated[str, Depends(idempotency_key)]
Seen = Annotated[int, Depends(if_match)]
Body = Annotated[bytes, Depends(patch_body)]


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


_NOT_BEGUN: Final = problem_responses(refusals.unknown_procedure(), refusals.assurance_too_low(2))
_NOT_CHANGED: Final = problem_responses(
    404,
    refusals.assurance_too_low(2),
    refusals.no_patch(_PATCH_TYPES),
    refusals.answers_no_object(),
    refusals.answers_too_deep(),
    refusals.answers_too_large(),
)
_NOT_SUBMITTED: Final = problem_responses(
    404,
    refusals.assurance_too_low(2),
    refusals.already_submitted("G01.999.000.000-261124-0001", UUID("0199f2d1-6f7e-7cc2-8f51-6a3f0f4d2c11")),
    refusals.not_valid([Flaw("/answers/full_name", "missing")], []),
    refusals.not_valid([], [Flaw("/receipts", "component-missing")]),
    refusals.not_valid([], [Flaw("/receipts/0", "receipt-expired")]),
    refusals.no_code(),
)


@dataclass(frozen=True, slots=True)
class DraftsApi:
    """Routes of drafts."""

    database: Database
    catalogue: Catalogue
    submissions: Submissions

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/v1/drafts", tags=["drafts"])
        begun = answer(201, "The draft was begun.", "ETag", "Location")
        shown = answer(200, "The draft.", "ETag")
        submitted = answer(201, "The dossier was submitted.", "ETag", "Location")
        router.add_api_route("", self.begin, methods=["POST"], status_code=201, responses=begun | _NOT_BEGUN)
        router.add_api_route("/{draft_id}", self.show, methods=["GET"], responses=shown | problem_responses(404))
        router.add_api_route(
            "/{draft_id}", self.change, methods=["PATCH"], openapi_extra=_PATCH_BODY, responses=shown | _NOT_CHANGED
        )
        router.add_api_route(
            "/{draft_id}/submit",
            self.submit,
            methods=["POST"],
            status_code=201,
            responses=submitted | _NOT_SUBMITTED,
        )
        return router

    async def begin(
        self, request: Request, response: Response, body: NewDraft, citizen: Citizen, key: Key
    ) -> DraftView:
        """Begin a draft: it lives 30 days and is seen by nobody but its owner."""
        scope, sent = Scope.of(request, citizen.subject, key), digest(body.model_dump())
        async with self.database.transaction() as tx:
            facts = await claim(tx.connection, scope, sent)
            if facts is None:
                draft = _new(self._procedure(body.procedure, citizen), self.database.clock())
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

    async def change(self, response: Response, draft_id: UUID, citizen: Citizen, seen: Seen, body: Body) -> DraftView:
        """Change the answers by a JSON Merge Patch (RFC 7396).

        The patch is one of the draft, `{"answers": {...}}`; a body without the member `answers` alone is taken as a
        patch of the answers themselves.
        """
        patch = _patch(body)
        async with self.database.transaction() as tx:
            draft = await drafts.lock(tx.connection, draft_id, citizen.subject)
            if draft is None:
                raise standard(404)
            check_assurance(citizen, self.catalogue.version(draft.procedure, draft.procedure_version))
            check_version(seen, draft.version)
            answers = _bounded(merged(draft.answers, patch))
            await drafts.save(tx.connection, draft_id, answers, draft.version + 1)
        return _shown(response, draft, answers, draft.version + 1)

    async def submit(  # noqa: PLR0913, PLR0917  # one parameter for each thing a request brings
        self, request: Request, response: Response, draft_id: UUID, body: Submission, citizen: Citizen, key: Key
    ) -> Submitted:
        """Submit: the draft becomes a dossier with the same id, and the code is the proof of it."""
        scope = Scope.of(request, citizen.subject, key)
        facts = await self.submissions.submit(draft_id, citizen, body.receipts, scope)
        response.headers["location"] = f"/v1/dossiers/{facts['id']}"
        response.headers["etag"] = etag(1)
        return Submitted.model_validate(facts)

    def _procedure(self, code: str, citizen: Caller) -> Procedure:
        procedure = self.catalogue.current.get(code)
        if procedure is None:
            raise refusals.unknown_procedure()
        check_assurance(citizen, procedure)
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


def _patch(body: bytes) -> dict[str, Any]:
    """Return the patch of the answers that a request brings."""
    patch: Any = from_json(body)
    if isinstance(patch, dict) and set(patch) == {"answers"}:  # pyright: ignore[reportUnknownArgumentType]
        patch = patch["answers"]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(patch, dict):
        raise refusals.answers_no_object()
    return patch  # pyright: ignore[reportUnknownVariableType]


def _bounded(answers: dict[str, Any]) -> dict[str, Any]:
    """Return answers that may be kept; raises a Problem for what is too large, too deep, or no JSON."""
    if depth(answers) > ANSWERS_DEPTH:
        raise refusals.answers_too_deep()
    try:
        size = len(dumps(answers, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:  # 1e400 is JSON by its grammar, and no number that anybody can keep
        raise standard(400) from None
    if size > ANSWERS_BYTES:
        raise refusals.answers_too_large()
    return answers
