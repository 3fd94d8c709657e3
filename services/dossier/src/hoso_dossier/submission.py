"""A draft becomes a dossier: checked, given its code, stored and announced in one transaction, or nothing at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from json import dumps
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from hoso_chassis.database import Database, Transaction
from hoso_chassis.idempotency import Scope, claim, digest, keep
from hoso_chassis.problems import Problem, standard
from hoso_chassis.tokens import Caller
from hoso_dossier import drafts, new_dossiers, refusals
from hoso_dossier.announcements import announced
from hoso_dossier.assurance import check_assurance
from hoso_dossier.code_blocks import CodeBlocks, CodesHeld
from hoso_dossier.codes import Code, viet_nam_day
from hoso_dossier.domain import Dossier
from hoso_dossier.drafts import Draft
from hoso_dossier.forms import Form
from hoso_dossier.identity_numbers import Profile
from hoso_dossier.procedures import Catalogue, Procedure
from hoso_dossier.receipts import Expected, ReceiptKeys
from hoso_dossier.residence import Answers, Application
from hoso_dossier.texts import stored
from hoso_dossier.values import Attachment, Verification

CHANNEL: Final = "online"
_TRIES: Final = 5  # a day ends once, a restored database is behind by some blocks
_FIND_SUBMITTED: Final = "SELECT code FROM dossiers WHERE id = $1 AND owner = $2"


class CodeUnusable(Exception):
    """The code in hand is of another day, or somebody has it: another one is needed."""


@dataclass(slots=True)
class Submissions:
    """What a submission needs.

    The code is in hand before the transaction opens, so that no connection waits for another one; a code that was not
    used goes back in hand.
    """

    database: Database
    catalogue: Catalogue
    codes: CodeBlocks
    receipts: ReceiptKeys
    profile: Profile
    _forms: dict[tuple[str, int], Form] = field(default_factory=dict[tuple[str, int], Form], init=False)

    async def submit(self, draft_id: UUID, citizen: Caller, receipts: Sequence[str], scope: Scope) -> Mapping[str, Any]:
        """Return the facts of the answer: id and code; the same ones for the same Idempotency-Key.

        Raises:
            Problem: 403 assurance-too-low, 404 not-found, 409 already-submitted, 422 answers-invalid or
                receipt-invalid, those of `claim`, and 503 when no code is to be had.
        """
        request = digest({"receipts": list(receipts)}, str(draft_id))
        for _ in range(_TRIES):
            try:
                code = await self.codes.take()
            except CodesHeld:
                raise refusals.no_code() from None
            try:
                async with self.database.transaction() as tx:
                    kept = await claim(tx.connection, scope, request)
                    facts = kept or await self._submit(tx, draft_id, citizen, receipts, code)
                    if kept is None:
                        await keep(tx.connection, scope, request, facts)
            except CodeUnusable:
                self.codes.drop(code.day)
                continue
            except Problem:
                self.codes.give_back(code)
                raise
            if kept is not None:
                self.codes.give_back(code)
            return facts
        raise refusals.no_code()

    async def _submit(
        self, tx: Transaction, draft_id: UUID, citizen: Caller, receipts: Sequence[str], code: Code
    ) -> Mapping[str, Any]:
        owner = citizen.subject
        draft = await drafts.lock(tx.connection, draft_id, owner)
        if draft is None:
            raise await _gone(tx, draft_id, owner)
        now = self.codes.read(draft.now)
        if code.day != viet_nam_day(now):
            raise CodeUnusable
        procedure = self.catalogue.version(draft.procedure, draft.procedure_version)
        check_assurance(citizen, procedure)
        draft = replace(draft, answers=stored(draft.answers))
        application, attachments = self._checked(draft, owner, receipts, procedure)
        dossier = Dossier(
            id=draft.id,
            code=str(code),
            procedure=procedure.code,
            procedure_version=procedure.version,
            procedure_name=procedure.name,
            case=application.case,
            agency=application.agency,
            owner=owner,
            channel=CHANNEL,
            submitted_at=now,
            verification=Verification(uuid7()),
            attachments=tuple(attachments),
            contacts=application.contacts,
        )
        events = [tx.announce(event) for event in announced(dossier, dossier.submit(application.identity))]
        dossier.correlation_id = events[0]
        if not await new_dossiers.add(tx.connection, dossier, dumps(draft.answers, ensure_ascii=False)):
            raise CodeUnusable
        return {"id": str(dossier.id), "code": dossier.code}

    def _checked(
        self, draft: Draft, owner: str, receipts: Sequence[str], procedure: Procedure
    ) -> tuple[Application, list[Attachment]]:
        """Return what the answers and the receipts hold; raises a Problem with everything wrong with either."""
        now = self.codes.read(draft.now)
        flaws = self._form(procedure).find_flaws(draft.answers)
        answers = Answers(draft.answers, flaws, self.profile, viet_nam_day(now))
        flaws = [*flaws, *answers.find_flaws()]
        expected = Expected(
            draft.id,
            owner,
            frozenset(one.code for one in procedure.components),
            procedure.mandatory_components,
            now,
        )
        attachments, receipt_flaws = self.receipts.check(receipts, expected)
        if flaws or receipt_flaws:
            raise refusals.not_valid(flaws, receipt_flaws)
        return answers.application(), attachments

    def _form(self, procedure: Procedure) -> Form:
        key = (procedure.code, procedure.version)
        if key not in self._forms:
            self._forms[key] = Form(procedure.form)
        return self._forms[key]


async def _gone(tx: Transaction, draft_id: UUID, owner: str) -> Problem:
    """Tell why there is no draft: it was submitted, or there never was one that the caller may see."""
    code = await tx.connection.fetchval(_FIND_SUBMITTED, draft_id, owner)
    if code is None:
        return standard(404)
    return refusals.already_submitted(code, draft_id)
