"""The upload form, parsed piece by piece while it comes in; no I/O, and never more in memory than one file."""

import hashlib
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Protocol
from uuid import UUID

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from hoso_chassis.problems import standard
from hoso_storage import refusals
from hoso_storage.domain import FILE_LIMIT

PARTS: Final = ("draft_id", "component", "file")
OVERHEAD: Final = 16_384
"""Bytes of a form beside its file: boundaries, headers, two short fields."""
_FIELD_LIMIT: Final = 256
_HEADER_LIMIT: Final = 4096
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, section 5.1.1
_PARAMETER = re.compile(r';\s*boundary=(?:"([^"]*)"|([^\s;"]*))\s*(?=;|$)', re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that arrived whole: where the file belongs, its content and what was measured on the way."""

    draft_id: UUID
    component: str
    content: bytes
    sha256: str


class _Part(Protocol):
    """Takes one part's content in."""

    def write(self, piece: bytes) -> None: ...

    def end(self) -> None: ...


class _Field:
    """A short text."""

    def __init__(self, name: str, pattern: re.Pattern[str]) -> None:
        self._name, self._pattern, self._raw = name, pattern, b""
        self.text = ""

    def write(self, piece: bytes) -> None:
        self._raw += piece
        if len(self._raw) > _FIELD_LIMIT:
            raise refusals.malformed_form()

    def end(self) -> None:
        try:
            self.text = self._raw.decode()
        except UnicodeDecodeError:
            raise refusals.malformed_form() from None
        if _CONTROL.search(self.text):
            raise refusals.malformed_form()
        if not self._pattern.fullmatch(self.text):
            raise refusals.wrong_field(self._name)


class _File:
    """The file, counted and hashed. A BytesIO, because it alone gives its content as bytes without a copy."""

    def __init__(self) -> None:
        self.buffer, self.hash = BytesIO(), hashlib.sha256()

    def write(self, piece: bytes) -> None:
        if self.buffer.tell() + len(piece) > FILE_LIMIT:
            raise refusals.too_large()
        self.buffer.write(piece)
        self.hash.update(piece)

    def end(self) -> None:
        if self.buffer.tell() == 0:
            raise refusals.empty_file()


class UploadForm:
    """Parses multipart/form-data (RFC 7578) with the parts draft_id, component, file; the same in whatever pieces.

    The content type and the file name that the client declares are not looked at. What follows the closing boundary is
    ignored, as RFC 2046 wants; what precedes the first one is refused, because no client sends it.
    """

    def __init__(self, boundary: str) -> None:
        self._parser = PushMultipartParser(boundary, max_header_size=2 * _HEADER_LIMIT, max_header_count=8)
        self._opening = f"--{boundary}".encode()
        self._head: bytes | None = b""
        self._draft_id, self._component, self._file = (
            _Field("draft_id", _UUID),
            _Field("component", _COMPONENT),
            _File(),
        )
        self._to_come: list[tuple[str, _Part]] = list(
            zip(PARTS, (self._draft_id, self._component, self._file), strict=True)
        )
        self._part: _Part | None = None

    @classmethod
    def of(cls, content_type: str) -> "UploadForm":
        """Make the parser for a request's Content-Type.

        Raises:
            Problem: 415 for another type, 400 for a missing or malformed boundary.
        """
        essence, _, parameters = content_type.partition(";")
        if essence.strip().lower() != "multipart/form-data":
            raise standard(415)
        found = _PARAMETER.search(f";{parameters}")
        boundary = (found[1] or found[2] or "") if found else ""
        if not _BOUNDARY.fullmatch(boundary):
            raise refusals.malformed_form()
        return cls(boundary)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes in.

        Raises:
            Problem: 400 malformed-form, wrong-parts; 413 at the first byte too many; 422 for a field or an empty file.
        """
        if self._head is not None:
            self._head += piece
            if len(self._head) < len(self._opening):
                return
            if not self._head.startswith(self._opening):
                raise refusals.malformed_form()
            piece, self._head = self._head, None
        if not piece:
            return
        try:
            for event in self._parser.parse(piece):
                self._take(event)
        except MultipartError:
            raise refusals.malformed_form() from None

    def close(self) -> Upload:
        """Say that no more comes, and return what came.

        Raises:
            Problem: 400 malformed-form when the end is missing, wrong-parts when a part is.
        """
        try:
            self._parser.close()
        except MultipartError:
            raise refusals.malformed_form() from None
        if self._to_come:
            raise refusals.wrong_parts()
        content, sha256 = self._file.buffer.getvalue(), self._file.hash.hexdigest()
        return Upload(UUID(self._draft_id.text), self._component.text, content, sha256)

    def _take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif self._part is not None:
            if event is None:
                self._part.end()
            else:
                self._part.write(event)

    def _begin(self, segment: MultipartSegment) -> None:
        lines = [f"{name}: {value}" for name, value in segment.headerlist]
        if any(_CONTROL.search(line) for line in lines) or sum(map(len, lines)) > _HEADER_LIMIT:
            raise refusals.malformed_form()
        if not self._to_come or segment.name != self._to_come[0][0]:
            raise refusals.wrong_parts()
        self._part = self._to_come.pop(0)[1]
