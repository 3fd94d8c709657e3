"""HTTP: submitted dossiers, for their owner and the officers of their agency; for anybody else they are not there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from json import loads
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hoso_chassis.consequences import Cause
from hoso_chassis.database import Database, Transaction
from hoso_chassis.description import answer, problem_responses
from hoso_chassis.etags import check_version, etag, if_match
from hoso_chassis.idempotency import JSON, Scope, claim, digest, idempotency_key, keep
from hoso_chassis.postgres import Connection
from hoso_chassis.problems import standard
from hoso_chassis.tokens import Caller, require
from hoso_dossier import refusals, timeline
from hoso_dossier.announcements import announced
from hoso_dossier.codes import CODE_PATTERN
from hoso_dossier.domain import Dossier, NotReady, WrongStatus
from hoso_dossier.procedures import Catalogue
from hoso_dossier.store import DossierStore
from hoso_dossier.terms import due_after
from hoso_dossier.texts import flaw_of_text, stored
from hoso_dossier.timeline import Timeline
from hoso_dossier.values import Actor, Fact, Status
from hoso_dossier.views import DossierView, ReceiptView, readiness

REASON_LENGTH: Final = 300
_SPELLED: Final = 4  # characters that may become one in NFC; a flood of marks takes seconds to put in order
_FIND_CODE: Final = "SELECT id FROM dossiers WHERE code = $1"
_ANSWERS: Final = "SELECT answers FROM dossiers WHERE id = $1"
# The move that led to the status: every move has the version it made.
_REASON: Final = """
SELECT reason, detail FROM status_changes WHERE dossier_id = $1 AND version = $2 AND reason IS NOT NULL
"""
_RECEIPTS: Final = "SELECT form, number, issued_at, due_at FROM receipts WHERE dossier_id = $1 ORDER BY number"

Reader = Annotated[Caller, Depends(require("citizen", "officer"))]
Officer = Annotated[Caller, Depends(require("officer"))]
Key = Annotated[str, Depends(idempotency_key)]
Seen = Annotated[int, Depends(if_match)]


class Acceptance(BaseModel):
    """Accepting says nothing beside itself."""

    model_config = ConfigDict(extra="forbid")


def _stored_reason(value: object) -> object:
    """Return the reason as it is counted and kept; what is too long in any spelling is not normalised at all."""
    return stored(value) if isinstance(value, str) and len(value) <= _SPELLED * REASON_LENGTH else value


class Refusal(BaseModel):
    """Why a dossier is refused."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=REASON_LENGTH,
            pattern=r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$",
            description="One line for the citizen, in the e-mail and as `status_reason.detail`; no personal data.",
            examples=["Hồ sơ không thuộc thẩm quyền giải quyết của cơ quan"],
        ),
        BeforeValidator(_stored_reason),
    ]


class Decision(BaseModel):
    """What a decision made of the dossier."""

    id: UUID
    code: str
    status: int
    receipt: ReceiptView


_WRONG_STATUS: Final = refusals.wrong_status(Status.REFUSED)
Decide = Callable[[Dossier, datetime], Iterable[Fact]]


@dataclass(frozen=True, slots=True)
class DossiersApi:
    """Routes of dossiers."""

    database: Database
    catalogue: Catalogue
    store: DossierStore
    take_not_scanned: bool

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/v1/dossiers", tags=["dossiers"], responses=problem_responses(404))
        shown = answer(200, "The dossier.", "ETag")
        told = answer(200, "What happened to the dossier.")
        decided = answer(200, "The decision and its receipt.", "ETag")
        router.add_api_route("", self.look_up, methods=["GET"], responses=shown)
        router.add_api_route("/{dossier_id}", self.show, methods=["GET"], responses=shown)
        router.add_api_route("/{dossier_id}/timeline", self.show_timeline, methods=["GET"], responses=told)
        not_accepted = problem_responses(_WRONG_STATUS, refusals.not_ready(["identity-awaited"]))
        router.add_api_route("/{dossier_id}/accept", self.accept, methods=["POST"], responses=decided | not_accepted)
        router.add_api_route(
            "/{dossier_id}/refuse", self.refuse, methods=["POST"], responses=decided | problem_responses(_WRONG_STATUS)
        )
        return router

    async def look_up(
        self,
        response: Response,
        reader: Reader,
        code: Annotated[str, Query(pattern=CODE_PATTERN, max_length=40, examples=["G01.999.000.000-261124-0001"])],
    ) -> DossierView:
        """The dossier with a code."""
        async with self.database.connection() as connection:
            dossier_id = await connection.fetchval(_FIND_CODE, code)
            if dossier_id is None:
                raise standard(404)
            return await self._show(connection, response, dossier_id, reader)

    async def show(self, response: Response, dossier_id: UUID, reader: Reader) -> DossierView:
        """One dossier. Its ETag is moved by changes of status only, not by what is heard about it meanwhile."""
        async with self.database.connection() as connection:
            return await self._show(connection, response, dossier_id, reader)

    async def show_timeline(self, dossier_id: UUID, reader: Reader) -> Timeline:
        """What happened to a dossier, the earliest first."""
        async with self.database.connection() as connection:
            dossier = await self._visible(connection, dossier_id, reader)
            entries = await timeline.read(connection, dossier_id, inner=reader.role == "officer")
        return Timeline(id=dossier.id, code=dossier.code, status=dossier.status, entries=entries)

    async def accept(  # noqa: PLR0913, PLR0917  # one parameter for each thing a request brings
        self,
        request: Request,
        response: Response,
        dossier_id: UUID,
        officer: Officer,
        key: Key,
        seen: Seen,
        body: Acceptance | None = None,  # noqa: ARG002  # described, and refused when it holds anything
    ) -> Decision:
        """Accept: status 2 and the receipt CT04 with the day the result is due.

        409 not-ready says which facts are missing.
        """

        def decide(dossier: Dossier, at: datetime) -> Iterable[Fact]:
            term = self.catalogue.version(dossier.procedure, dossier.procedure_version).term
            return dossier.accept(
                _actor(officer), at, due_after(at, term.amount), take_not_scanned=self.take_not_scanned
            )

        scope = Scope.of(request, officer.subject, key)
        return _answer(
            response, await self._decide(dossier_id, officer, seen, scope, digest({}, str(dossier_id)), decide)
        )

    async def refuse(  # noqa: PLR0913, PLR0917  # one parameter for each thing a request brings
        self,
        request: Request,
        response: Response,
        dossier_id: UUID,
        officer: Officer,
        key: Key,
        seen: Seen,
        body: Refusal,
    ) -> Decision:
        """Refuse: status 3 and the receipt CT06; the citizen is told the reason."""
        if code := flaw_of_text(body.reason):
            raise refusals.unreadable_reason(code)

        def decide(dossier: Dossier, at: datetime) -> Iterable[Fact]:
            return dossier.refuse(_actor(officer), at, body.reason)

        scope, sent = Scope.of(request, officer.subject, key), digest({"reason": body.reason}, str(dossier_id))
        return _answer(response, await self._decide(dossier_id, officer, seen, scope, sent, decide))

    async def _show(self, connection: Connection, response: Response, dossier_id: UUID, reader: Caller) -> DossierView:
        dossier = await self._visible(connection, dossier_id, reader)
        answers = loads(await connection.fetchval(_ANSWERS, dossier_id))
        receipts = [dict(row) for row in await connection.fetch(_RECEIPTS, dossier_id)]
        reason = await connection.fetchrow(_REASON, dossier_id, dossier.version)
        procedure = self.catalogue.version(dossier.procedure, dossier.procedure_version)
        response.headers["etag"] = etag(dossier.version)
        view = DossierView.of(dossier, procedure, answers, receipts, dict(reason) if reason else None)
        if reader.role != "officer":
            return view
        return view.for_officer(readiness(dossier, take_not_scanned=self.take_not_scanned))

    async def _visible(self, connection: Connection, dossier_id: UUID, reader: Caller) -> Dossier:
        dossier = await self.store.read(connection, dossier_id)
        if dossier is None or not _may_see(reader, dossier):
            raise standard(404)
        return dossier

    async def _decide(  # noqa: PLR0913, PLR0917
        self, dossier_id: UUID, officer: Caller, seen: int, scope: Scope, sent: bytes, decide: Decide
    ) -> Mapping[str, Any]:
        async with self.database.transaction() as tx:
            facts = await claim(tx.connection, scope, sent)
            if facts is None:
                dossier = (await self.store.load(tx.connection, [dossier_id])).get(dossier_id)
                if dossier is None or not _may_see(officer, dossier):
                    raise standard(404)
                check_version(seen, dossier.version)
                await self._follow(tx, dossier, decide)
                facts = _facts(dossier)
                await keep(tx.connection, scope, sent, facts)
            return facts

    async def _follow(self, tx: Transaction, dossier: Dossier, decide: Decide) -> None:
        """Take the decision and everything that follows from it."""
        try:
            facts = list(decide(dossier, self.database.clock()))
        except WrongStatus as error:
            raise refusals.wrong_status(error.status) from None
        except NotReady as error:
            raise refusals.not_ready(error.missing) from None
        for event in announced(dossier, facts):
            tx.announce(event, Cause(correlation_id=dossier.correlation_id))
        await self.store.save(tx.connection, [dossier])


def _may_see(reader: Caller, dossier: Dossier) -> bool:
    if reader.role == "officer":
        return reader.unit == dossier.agency
    return reader.subject == dossier.owner


def _actor(officer: Caller) -> Actor:
    return Actor("officer", officer.subject, officer.unit)


def _facts(dossier: Dossier) -> dict[str, JSON]:
    """Return the facts of a decision that never change, whatever happens to the dossier later."""
    receipt = dossier.changes[-1].receipt
    return {
        "id": str(dossier.id),
        "code": dossier.code,
        "status": int(dossier.status),
        "version": dossier.version,
        "receipt": ReceiptView.model_validate(receipt, from_attributes=True).model_dump(mode="json"),
    }


def _answer(response: Response, facts: Mapping[str, Any]) -> Decision:
    response.headers["etag"] = etag(facts["version"])
    return Decision.model_validate(facts)
