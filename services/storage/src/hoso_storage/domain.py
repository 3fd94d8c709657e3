"""The files of one draft, later of its dossier, and what may become of them; no I/O and no wire type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

FILE_LIMIT: Final = 5 * 1024 * 1024
"""Bytes of one file: "Tập tin tải lên có dung lượng không quá 5 MB"."""
RECEIPT_LIFE: Final = timedelta(days=30)
"""A receipt can be used as long as the draft lives."""
UNBOUND_LIFE: Final = RECEIPT_LIFE + timedelta(days=14)
"""What no dossier has asked for is deleted this long after the upload."""
RECEIVING_LIFE: Final = timedelta(hours=1)
"""An upload that has not ended by then never will: its process is gone."""

State = Literal["receiving", "stored", "expired", "bound", "scanned", "lost"]
"""receiving: the object is being written · stored: in quarantine, of no dossier yet · expired: being deleted ·
bound: of a submitted dossier · scanned: a verdict was given · lost: of a dossier, but its content is gone."""

CLEAN: Final = "clean"
NOT_SCANNED: Final = "not-scanned"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file. Its id is also the key of its object; content, hash, size and type never change.

    Attributes:
        component: which paper of the procedure it is.
        subject: who sent it.
        sha256: of the content, 64 lower-case hexadecimal digits.
        media_type: found by looking at the content.
        created_at: when it was received, UTC.
        verdict: "clean", "infected", "not-scanned"; None until scanned.
        scanned_at: when the verdict was given; None until then, and of verdicts from before this was kept.
    """

    id: UUID
    draft_id: UUID
    component: str
    subject: str
    sha256: str
    size: int
    media_type: str
    created_at: datetime
    state: State = "receiving"
    verdict: str | None = None
    scanned_at: datetime | None = None

    @property
    def is_readable(self) -> bool:
        """Whether its owner may read it: only what a scanner has called clean."""
        return self.state == "scanned" and self.verdict == CLEAN


@dataclass(frozen=True, slots=True)
class Bound:
    """The file belongs to the dossier.

    Attributes:
        is_unscanned: nobody has looked at it, and nobody is going to: a scan must be ordered.
    """

    attachment: Attachment
    is_unscanned: bool = True


@dataclass(frozen=True, slots=True)
class Missing:
    """The dossier names a file that is not there, or not with this content: it must be sent again."""

    attachment_id: UUID


@dataclass(frozen=True, slots=True)
class Scanned:
    """A verdict was given."""

    attachment_id: UUID
    verdict: str
    at: datetime


def _nothing() -> Mapping[UUID, Attachment]:
    return MappingProxyType({})


@dataclass(slots=True)
class DraftFiles:
    """The files of one draft (aggregate). A dossier keeps the id of its draft.

    The mapping is replaced and never changed, so that a shallow copy is enough to go back.

    Attributes:
        draft_id: of the draft and the dossier.
        attachments: by id.
        missing: ids that the dossier named in vain.
        in_work: a scan of one of them is waiting or running, as found when they were loaded.
    """

    draft_id: UUID
    attachments: Mapping[UUID, Attachment] = field(default_factory=_nothing)
    missing: frozenset[UUID] = frozenset()
    in_work: bool = False
    loaded: Mapping[UUID, Attachment] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.loaded = self.attachments

    @property
    def changed(self) -> tuple[Attachment, ...]:
        """The attachments that differ from what was loaded."""
        return tuple(one for key, one in self.attachments.items() if one != self.loaded.get(key))

    def bind(self, attachment_id: UUID, sha256: str) -> Iterator[Bound | Missing]:
        """Give a file to the dossier; nothing follows when it has it, or misses it, already."""
        found = self.attachments.get(attachment_id)
        if found is not None and found.sha256 == sha256:
            if found.state == "stored":
                yield Bound(self._put(replace(found, state="bound")))
                return
            if found.state in {"bound", "scanned", "lost"}:
                return
        if attachment_id not in self.missing:
            self.missing |= {attachment_id}
            yield Missing(attachment_id)

    def is_answered(self, attachment_id: UUID, sha256: str) -> bool:
        """Whether binding this file again would lead to nothing: it is the dossier's, or was told to be missing."""
        found = self.attachments.get(attachment_id)
        is_bound = found is not None and found.sha256 == sha256 and found.state in {"bound", "scanned", "lost"}
        return is_bound or attachment_id in self.missing

    def answer_again(self, attachment_id: UUID, sha256: str, asked_at: datetime) -> Iterator[Bound | Missing | Scanned]:
        """Say what is known of a file that the dossier still waits for; bind it now if nobody ever asked for that.

        A verdict of which it is not known when it was given counts from when it was asked for.
        """
        found = self.attachments.get(attachment_id)
        if found is None or found.sha256 != sha256 or found.state not in {"stored", "bound", "scanned"}:
            self.missing |= {attachment_id}
            yield Missing(attachment_id)
        elif found.state == "stored":
            yield from self.bind(attachment_id, sha256)
        else:
            yield Bound(found, is_unscanned=found.state == "bound" and not self.in_work)
            if found.verdict is not None:
                yield Scanned(attachment_id, found.verdict, found.scanned_at or asked_at)

    def scan(self, attachment_id: UUID, verdict: str, at: datetime) -> Iterator[Scanned]:
        """Note the verdict on a bound file; a second verdict on the same file changes nothing."""
        found = self.attachments.get(attachment_id)
        if found is not None and found.state == "bound":
            self._put(replace(found, state="scanned", verdict=verdict, scanned_at=at))
            yield Scanned(attachment_id, verdict, at)

    def lose(self, attachment_id: UUID) -> Iterator[Missing]:
        """Note that the content of a bound file is gone."""
        found = self.attachments.get(attachment_id)
        if found is not None and found.state == "bound":
            self._put(replace(found, state="lost"))
            yield Missing(attachment_id)

    def _put(self, attachment: Attachment) -> Attachment:
        self.attachments = MappingProxyType({**self.attachments, attachment.id: attachment})
        return attachment
