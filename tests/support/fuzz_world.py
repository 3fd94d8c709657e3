"""Things that are there when the APIs are fuzzed, so that a request meets more than 404; synthetic people only."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx

from support.api_processes import Api
from support.dossier_samples import answers, receipt
from support.dossier_service import key, officer, seen, token
from support.storage_samples import content_type, form, jpeg, pdf, png

OWNER: Final = "person-1"
STRANGER: Final = "person-2"
CALLERS: Final = ("citizen", "officer", "agency", "operator", "nobody")


def authorization(caller: str, subject: str = OWNER) -> dict[str, str]:
    """The header of a caller; nobody has none."""
    if caller == "nobody":
        return {}
    if caller == "officer":
        return officer()
    who = subject if caller == "citizen" else f"{caller}-1"
    return {"authorization": f"Bearer {token(caller, who, agency='G01.999')}"}


@dataclass
class World:
    """What is there, and what a request about it needs to reach deep code; what stands first in a list may succeed.

    Attributes:
        named: values of path parameters, by name.
        asked: values of query parameters, by name.
        bodies: bodies by route.
        etags: the version of what stands first, by the name of the parameter.
        owner: the citizen it belongs to.
    """

    named: dict[str, list[str]]
    asked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    bodies: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    etags: dict[str, str] = field(default_factory=dict[str, str])
    owner: str = OWNER

    @property
    def known(self) -> set[str]:
        """Ids and codes that answers may name."""
        return {value.casefold() for values in (*self.named.values(), *self.asked.values()) for value in values}


class DossierWorld:
    """Drafts and dossiers in every state; those that a request can use up are made anew for each cell."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._http = httpx.Client(base_url=api.url, timeout=30)
        self._strangers = self._draft(STRANGER)
        self._decided = [self._decide(self._dossier(ready=True), action) for action in ("accept", "refuse")]
        self.world = self.renewed()

    def close(self) -> None:
        self._http.close()

    def renewed(self) -> World:
        """A world in which nothing was used up; `world` is kept for those who only look."""
        draft, empty = self._draft(), self._begin()
        open_dossiers = [self._dossier(ready=ready) for ready in (True, False)]
        dossiers = [*open_dossiers, *self._decided]
        codes = [self._get(f"/v1/dossiers/{one}")["code"] for one in dossiers]
        named = {
            "draft_id": [draft, empty, self._strangers, dossiers[0]],
            "dossier_id": [*dossiers, draft],
            "code": ["1.004194"],
        }
        bodies: dict[str, list[Any]] = {
            "POST /v1/drafts": [{"procedure": "1.004194"}],
            "POST /v1/drafts/{draft_id}/submit": [{"receipts": [receipt(UUID(one))]} for one in (draft, empty)],
            "POST /v1/dossiers/{dossier_id}/accept": [{}],
            "POST /v1/dossiers/{dossier_id}/refuse": [{"reason": "Không đúng thẩm quyền"}],
            "PATCH /v1/drafts/{draft_id}": [{"answers": answers()}],
        }
        return World(named, {"code": codes}, bodies, {"draft_id": '"2"', "dossier_id": '"1"'})

    def _begin(self, subject: str = OWNER) -> str:
        who = authorization("citizen", subject)
        return self._ok(self._http.post("/v1/drafts", json={"procedure": "1.004194"}, headers=who | key()))["id"]

    def _draft(self, subject: str = OWNER) -> str:
        draft_id, who = self._begin(subject), authorization("citizen", subject)
        self._ok(self._http.patch(f"/v1/drafts/{draft_id}", json={"answers": answers()}, headers=who | seen(1)))
        return draft_id

    def _dossier(self, *, ready: bool) -> str:
        draft_id = self._draft()
        body = {"receipts": [receipt(UUID(draft_id))]}
        self._ok(self._http.post(f"/v1/drafts/{draft_id}/submit", json=body, headers=authorization("citizen") | key()))
        if ready:
            make_ready(self._api, draft_id)
        return draft_id

    def _decide(self, dossier_id: str, action: str) -> str:
        body = {"reason": "Không đúng thẩm quyền"} if action == "refuse" else {}
        path = f"/v1/dossiers/{dossier_id}/{action}"
        self._ok(self._http.post(path, json=body, headers=officer() | key() | seen(1)))
        return dossier_id

    def _get(self, path: str) -> dict[str, Any]:
        return self._ok(self._http.get(path, headers=authorization("citizen")))

    @staticmethod
    def _ok(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, answer.text
        return answer.json()


class StorageWorld:
    """Files in every state, of a new citizen for each cell, so that nobody runs into the limits of a day."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._http = httpx.Client(base_url=api.url, timeout=30)
        self._strangers = self._upload(STRANGER, png())
        self.world = self.renewed()

    def close(self) -> None:
        self._http.close()

    def renewed(self) -> World:
        """A world of somebody new; `world` is kept for those who only look."""
        owner = f"person-{uuid4().hex[:8]}"
        files = [self._upload(owner, content) for content in (pdf(), png(), jpeg())]
        for attachment, verdict in zip(files, ("clean", "infected"), strict=False):
            execute(self._api, _SCANNED, UUID(attachment), verdict)
        named = {"attachment_id": [*files, self._strangers]}
        return World(named, owner=owner, bodies={"POST /v1/attachments": [pdf(), png(), jpeg()]})

    def _upload(self, subject: str, content: bytes) -> str:
        headers = authorization("citizen", subject) | key() | {"content-type": content_type()}
        answer = self._http.post("/v1/attachments", content=form(uuid4(), content), headers=headers)
        assert answer.is_success, answer.text
        return answer.json()["id"]


_VERIFIED: Final = (
    "UPDATE dossiers SET verification_answer = 'verified', verification_answered_at = now() WHERE id = $1"
)
_CLEAN_PAPERS: Final = "UPDATE attachments SET verdict = 'clean', verdict_at = now() WHERE dossier_id = $1"
_SCANNED: Final = "UPDATE attachments SET state = 'scanned', verdict = $2, delete_after = NULL WHERE id = $1"


def make_ready(api: Api, dossier_id: str) -> None:
    """Let identity and storage have said what accepting needs."""
    execute(api, _VERIFIED, UUID(dossier_id))
    execute(api, _CLEAN_PAPERS, UUID(dossier_id))


def execute(api: Api, statement: str, *arguments: object) -> None:
    """Do in a service's database what another service would make it do."""

    async def run() -> None:
        connection = await asyncpg.connect(api.database_url)
        try:
            await connection.execute(statement, *arguments)
        finally:
            await connection.close()

    asyncio.run(run())
