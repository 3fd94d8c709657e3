"""Storage and dossier side by side, with two citizens who have uploaded: plays a trick and tells its end."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from joserfc.jwk import OKPKey

from hoso_chassis import positions
from hoso_chassis.batch import Batches
from hoso_contracts.dossier import DossierSubmitted
from hoso_contracts.storage import AttachmentExpired, AttachmentStored
from hoso_storage.app import service as storage_service_of
from support import dossier_service, storage_service
from support.counting import record
from support.dossier_samples import answers
from support.dossier_service import citizen, key
from support.receipt_forgery import NEW_KEY
from support.receipt_trick import ASKED_AGAIN, BOUND, TAKEN, Papers, Trick
from support.storage_samples import RECEIPT_KEY, png

OWNER: Final = "person-1"
STRANGER: Final = "person-2"
_SUBMITTED: Final = ("dossier.lifecycle.v1", 0)
_KEYS: Final[Mapping[str, tuple[OKPKey, ...]]] = {
    "old": (RECEIPT_KEY,),
    "both": (RECEIPT_KEY, NEW_KEY),
    "new": (NEW_KEY,),
}
_OUTCOMES: Final = {AttachmentStored: BOUND, AttachmentExpired: ASKED_AGAIN}


@dataclass(frozen=True, slots=True)
class Drafts:
    """Drafts with their papers, and who may hand them in."""

    ids: Mapping[str, UUID]
    papers: Papers


@dataclass
class Scene:
    """Both services; dossier several times, each with other keys.

    Attributes:
        given: the answers in each draft.
    """

    storage: storage_service.Running
    dossiers: Mapping[str, dossier_service.Service]
    given: Mapping[str, Any]
    _kept: Drafts | None = field(default=None, init=False)

    @property
    def dossier(self) -> dossier_service.Service:
        return self.dossiers["old"]

    async def drafts(self, trick: Trick) -> Drafts:
        """Those that every refused trick leaves as they were; new ones where a submission belongs to the trick."""
        if trick.end.startswith(TAKEN) or trick.submitted:
            new = await self._prepare()
            assert not trick.submitted or (await self._submit(new)).is_success
            return new
        self._kept = self._kept or await self._prepare()
        return self._kept

    async def play(self, trick: Trick, drafts: Drafts) -> httpx.Response:
        """Hand the receipts in."""
        dossier, draft_id = self.dossiers[trick.keys], drafts.ids[trick.into]
        who = citizen(OWNER if trick.by == "owner" else STRANGER)
        dossier.clock.ahead = timedelta(days=trick.days)
        try:
            body = {"receipts": trick.make(drafts.papers)}
            return await dossier.http.post(f"/v1/drafts/{draft_id}/submit", json=body, headers=who | key())
        finally:
            dossier.clock.ahead = timedelta()

    async def _submit(self, drafts: Drafts) -> httpx.Response:
        return await self.dossier.submit(drafts.ids["draft"], [drafts.papers.mandatory])

    async def follow(self, dossier_id: UUID) -> str:
        """Let storage hear of the dossier, and dossier what storage then says; return what became of it."""
        told = await self._bind(dossier_id)
        await self.dossier.hear(*told)
        status = await self.dossier.value("SELECT status FROM dossiers WHERE id = $1", dossier_id)
        (outcome,) = {_OUTCOMES[type(one)] for one in told}
        assert status == (5 if outcome == ASKED_AGAIN else 1)
        return outcome

    async def kept(self) -> tuple[object, ...]:
        """Everything that both keep."""
        return await self.dossier.contents(), await self.storage.rows(), self.storage.bucket.listed()

    async def _bind(self, dossier_id: UUID) -> list[AttachmentStored | AttachmentExpired]:
        (event,) = [
            DossierSubmitted.model_validate_json(dumps(data))
            for kind, data in await self.dossier.announced()
            if kind == "dossier.submitted" and data["dossier_id"] == str(dossier_id)
        ]
        parts = self.storage.parts
        async with self.storage.database.connection() as connection:
            await positions.begin(connection, storage_service_of.group, {_SUBMITTED: 0})
            expected = await positions.load(connection, storage_service_of.group, [_SUBMITTED])
        batches = Batches(parts.database, storage_service_of.group, parts.inbound, parts.store, parts.policy)
        await batches.take([record(event, expected[_SUBMITTED], topic=_SUBMITTED[0])], expected)
        async with self.storage.database.connection() as connection:
            rows = await connection.fetch("SELECT type, value FROM outbox ORDER BY position")
        models = {one.type: one for one in _OUTCOMES}
        told = [models[row["type"]].model_validate_json(row["value"]) for row in rows]
        return [one for one in told if one.dossier_id == dossier_id]

    async def _prepare(self) -> Drafts:
        ids = {name: await self.dossier.draft(self.given, citizen(OWNER)) for name in ("draft", "elsewhere")}
        ids["strangers"] = await self.dossier.draft(self.given, citizen(STRANGER))
        token = citizen(OWNER)["authorization"].removeprefix("Bearer ")
        papers = Papers(
            mandatory=await self._upload(ids["draft"]),
            other=await self._upload(ids["draft"], component="other"),
            elsewhere=await self._upload(ids["elsewhere"]),
            strangers=await self._upload(ids["strangers"], STRANGER),
            intruding=await self._upload(ids["draft"], STRANGER),
            astray=await self._upload(ids["strangers"]),
            unknown=await self._upload(ids["draft"], component="passport"),
            token=token,
        )
        return Drafts(ids, papers)

    async def _upload(self, draft_id: UUID, subject: str = OWNER, component: str = "proof-of-dwelling") -> str:
        answer = await self.storage.upload(png(), draft_id=draft_id, subject=subject, component=component)
        assert answer.is_success, answer.text
        return answer.json()["receipt"]


def _key_file(folder: Path, name: str) -> Path:
    file = folder / f"{name}.jwks.json"
    file.write_text(dumps({"keys": [one.as_dict(private=False) for one in _KEYS[name]]}))
    return file


@asynccontextmanager
async def opened(
    database: Callable[[], Any], folder: Path, given: Mapping[str, Any] | None = None
) -> AsyncGenerator[Scene]:
    """Both services on databases of their own.

    Args:
        database: gives the URL of an empty one, as a context.
        folder: for the files with keys.
        given: the answers in each draft.
    """
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database())
        dossiers = {
            name: await stack.enter_async_context(
                dossier_service.running(url, folder, receipt_public_keys_file=_key_file(folder, name))
            )
            for name in _KEYS
        }
        bucket = await stack.enter_async_context(storage_service.bucket_of("memory"))
        storage = await stack.enter_async_context(
            storage_service.running(
                await stack.enter_async_context(database()), folder, bucket, files_per_subject_per_day=10_000
            )
        )
        yield Scene(storage, dossiers, given or answers())
