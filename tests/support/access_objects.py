"""What the access matrix is asked about: drafts, dossiers and files of one citizen, in each state that matters."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

import httpx

from hoso_dossier.procedures import Catalogue, catalogue
from support import storage_service
from support.dossier_samples import receipt
from support.dossier_service import Service, citizen, key, officer, seen
from support.storage_samples import png

PROCEDURE: Final = "1.004194"
LEVEL_2: Final = "1.004194-level-2"
_BECOME: Final = """
UPDATE attachments SET state = $2, verdict = $3, delete_after = CASE WHEN $2 <> 'scanned' THEN delete_after END
WHERE id = $1
"""
ABSENT_CODE: Final = "G01.999.000.000-261124-9999"


@dataclass(frozen=True, slots=True)
class Thing:
    """An object as a request names it: whichever of these the route asks for.

    Attributes:
        version: which the one who may has seen last.
        code: of a dossier, or of a procedure.
    """

    id: UUID
    version: int = 1
    code: str = PROCEDURE

    def absent(self) -> "Thing":
        """Another one of this kind that nobody has."""
        return replace(self, id=uuid4(), code=ABSENT_CODE if self.code.startswith("G") else self.code)


def with_level_2() -> Catalogue:
    """The catalogue, and the same procedure once more for those who are identified at level 2."""
    known = list(catalogue().current.values())
    demanding = known[0].model_copy(update={"code": LEVEL_2, "minimum_assurance": 2})
    return Catalogue(iter([*known, demanding]))


@dataclass(frozen=True, slots=True)
class Objects:
    """Makes them.

    Attributes:
        owner: `sub` of the citizen whose they are.
        given: the answers in each draft and dossier.
    """

    dossier: Service
    storage: storage_service.Running
    owner: str
    given: Mapping[str, Any]

    async def make(self, of: str) -> Thing:
        """A new one of a kind."""
        return await _KINDS[of](self)

    @property
    def _citizen(self) -> dict[str, str]:
        return citizen(self.owner, assurance=2)

    async def begin(self, procedure: str) -> Thing:
        """A draft with answers."""
        http = self.dossier.http
        begun = await http.post("/v1/drafts", json={"procedure": procedure}, headers=self._citizen | key())
        thing = Thing(UUID(_ok(begun)["id"]), 2)
        typed = {"answers": dict(self.given)}
        _ok(await http.patch(f"/v1/drafts/{thing.id}", json=typed, headers=self._citizen | seen(1)))
        return thing

    async def expire(self) -> Thing:
        """A draft that is 30 days old."""
        thing = await self.begin(PROCEDURE)
        await self.dossier.execute("UPDATE drafts SET expires_at = now() WHERE id = $1", thing.id)
        return thing

    async def submit(self) -> Thing:
        """A dossier in status 1, with everything that accepting it needs."""
        thing = await self.begin(PROCEDURE)
        sent = {"receipts": [receipt(thing.id, sub=self.owner)]}
        path = f"/v1/drafts/{thing.id}/submit"
        answer = await self.dossier.http.post(path, json=sent, headers=self._citizen | key())
        await self.dossier.make_ready(thing.id)
        return replace(thing, version=1, code=_ok(answer)["code"])

    async def accept(self) -> Thing:
        """A dossier in status 2."""
        thing = await self.submit()
        sent = officer(self.given["agency"]) | key() | seen(1)
        _ok(await self.dossier.http.post(f"/v1/dossiers/{thing.id}/accept", json={}, headers=sent))
        return replace(thing, version=2)

    async def upload(self, state: str = "stored", verdict: str | None = None) -> Thing:
        """A file, and what became of it."""
        thing = Thing(UUID(_ok(await self.storage.upload(png(), subject=self.owner))["id"]))
        async with self.storage.database.connection() as connection:
            await connection.execute(_BECOME, thing.id, state, verdict)
        return thing


def _ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return answer.json()


async def _named(code: str) -> Thing:
    return Thing(uuid4(), code=code)


_KINDS: Final[Mapping[str, Callable[[Objects], Awaitable[Thing]]]] = {
    "": lambda _objects: _named(PROCEDURE),
    "procedure": lambda _objects: _named(PROCEDURE),
    "level 2 procedure": lambda _objects: _named(LEVEL_2),
    "draft": lambda objects: objects.begin(PROCEDURE),
    "level 2 draft": lambda objects: objects.begin(LEVEL_2),
    "submitted draft": Objects.submit,
    "expired draft": Objects.expire,
    "dossier": Objects.submit,
    "accepted dossier": Objects.accept,
    "stored file": Objects.upload,
    "clean file": lambda objects: objects.upload("scanned", "clean"),
    "infected file": lambda objects: objects.upload("scanned", "infected"),
    "expired file": lambda objects: objects.upload("expired"),
}
