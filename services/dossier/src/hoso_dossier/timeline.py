"""The timeline of a dossier for people: what happened, in order, with words; never a name, a number or an address."""

from collections.abc import Mapping
from datetime import datetime
from json import loads
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from hoso_chassis.postgres import Connection
from hoso_dossier.domain import CLEAN, INFECTED, NOT_SCANNED
from hoso_dossier.values import Status
from hoso_dossier.views import Titled

_READ: Final = """
SELECT at, kind, about, told FROM timeline
WHERE dossier_id = $1 AND kind <> ALL($2::text[]) ORDER BY at, position LIMIT 1000
"""
INNER: Final = (  # for officers only
    *("identity-answer-unused", "identity-asked-again"),
    *("attachment-asked-again", "notification-asked-again"),
)

_TITLES: Final = {
    "submitted": ("Hồ sơ đã được nộp", "The dossier was submitted"),
    "identity-verified": ("Thông tin nhân thân đã được xác nhận", "The identity was confirmed"),
    "identity-rejected": (
        "Thông tin nhân thân không khớp với Cơ sở dữ liệu quốc gia về dân cư",
        "The declared identity does not match the population register",
    ),
    "identity-answer-unused": (
        "Kết quả đối chiếu thông tin nhân thân không được sử dụng",
        "An answer about the identity was not used",
    ),
    "identity-asked-again": (
        "Yêu cầu đối chiếu thông tin nhân thân đã được gửi lại",
        "The identity was asked about again",
    ),
    "attachment-stored": ("Giấy tờ đính kèm đã được lưu trữ", "The attachment was stored"),
    "attachment-scanned": ("Giấy tờ đính kèm đã có kết quả quét mã độc", "The attachment has the answer of a scan"),
    "attachment-expired": (
        "Giấy tờ đính kèm không còn được lưu trữ, cần nộp lại",
        "The attachment is gone and must be sent again",
    ),
    "attachment-asked-again": (
        "Yêu cầu kiểm tra giấy tờ đính kèm đã được gửi lại",
        "The attachment was asked about again",
    ),
    "notification-asked-again": (
        "Yêu cầu gửi thông báo đã được gửi lại",
        "The notification was asked for again",
    ),
    "notification-delivered": ("Thông báo đã được gửi", "The notification was sent"),
    "notification-failed": ("Thông báo không gửi được", "The notification could not be sent"),
}
_MOVED: Final = {
    Status.ACCEPTED: ("Hồ sơ đã được tiếp nhận", "The dossier was accepted"),
    Status.REFUSED: ("Hồ sơ không được tiếp nhận", "The dossier was refused"),
    Status.SUPPLEMENT_REQUESTED: ("Hồ sơ cần bổ sung giấy tờ", "More papers were asked for"),
}
_SCANNED: Final = {
    CLEAN: ("Giấy tờ đính kèm đã được quét, không có mã độc", "The attachment was scanned and no malware was found"),
    INFECTED: ("Giấy tờ đính kèm có mã độc, cần nộp lại", "The attachment is infected and must be sent again"),
    NOT_SCANNED: (
        "Giấy tờ đính kèm chưa được quét mã độc vì hệ thống chưa có bộ quét",
        "The attachment has not been scanned for malware: there is no scanner yet",
    ),
}


class TimelineEntry(Titled):
    """Something that happened."""

    at: datetime
    kind: Annotated[str, Field(description="Stable name of what happened. Open value.")]
    about: Annotated[UUID, Field(description="The dossier, attachment, notification or verification it happened to.")]
    details: Annotated[
        dict[str, str | int],
        Field(description="status, previous_status, receipt, reason, component, verdict, channel, occasion, segments."),
    ]


class Timeline(BaseModel):
    """What happened to a dossier, the earliest first."""

    id: UUID
    code: str
    status: int
    entries: list[TimelineEntry]


async def read(connection: Connection, dossier_id: UUID, *, inner: bool) -> list[TimelineEntry]:
    """Return the entries, with those of the inner process or without."""
    rows = await connection.fetch(_READ, dossier_id, [] if inner else list(INNER))
    return [_entry(dict(row)) for row in rows]


def _entry(row: Mapping[str, Any]) -> TimelineEntry:
    details: dict[str, str | int] = loads(row["told"])
    title, title_en = _title(row["kind"], details)
    return TimelineEntry(
        at=row["at"], kind=row["kind"], about=row["about"], title=title, title_en=title_en, details=details
    )


def _title(kind: str, details: Mapping[str, str | int]) -> tuple[str, str]:
    if kind == "status-changed":
        return _MOVED[Status(int(details["status"]))]
    if kind == "attachment-scanned":
        return _SCANNED.get(str(details.get("verdict")), _TITLES[kind])
    return _TITLES.get(kind, (kind, kind))
