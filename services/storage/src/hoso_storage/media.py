"""What a file is by its content: PDF, JPEG, PNG or nothing that is accepted; names and declared types do not matter.

Whole files are walked, because a file that is two things at once (a polyglot) shows it at its end: what a viewer of
one format skips, a viewer of the other finds.
"""

import re
from collections.abc import Callable
from typing import Final

PDF: Final = "application/pdf"
JPEG: Final = "image/jpeg"
PNG: Final = "image/png"

_STEPS = 20_000  # chunks or segments; a photograph has hundreds
# ZIP (so DOCX, JAR, APK) is found from its end: 22 bytes, which begin so (one disk), and at most 65,535 of comment.
_ZIP_END = b"PK\x05\x06\x00\x00\x00\x00"
_ZIP_REACH = 22 + 65_535
_SNIFFED = 1024  # readers of PDF and of HTML look for a beginning this far into a file
_MARKUP = re.compile(rb"<(?:!doctype|html|head|body|script|iframe|svg|\?xml|\?php)[\s>/]", re.IGNORECASE)
_PDF_SPACE = b"\x00\t\n\x0c\r "
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in image data FF is followed by 00 or a restart marker
_SOI, _SOS, _EOI = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"
_IMAGES = 16


def media_type(data: bytes) -> str | None:
    """Return the media type, or None when it is none of the three, not whole, or something else besides."""
    found = next((name for name, is_one in _TYPES.items() if is_one(data)), None)
    return None if found is None or _is_also_something_else(data, found) else found


def _is_also_something_else(data: bytes, found: str) -> bool:
    beginning = data[:_SNIFFED]
    return (
        (found != PDF and b"%PDF-" in beginning)
        or _MARKUP.search(beginning) is not None
        or data.find(_ZIP_END, max(0, len(data) - _ZIP_REACH)) >= 0
    )


def _is_pdf(data: bytes) -> bool:
    """From "%PDF-" at the first byte to "%%EOF" at the last, but for white space (ISO 32000-1, 7.5)."""
    return data.startswith(b"%PDF-") and data[-_SNIFFED:].rstrip(_PDF_SPACE).endswith(b"%%EOF")


def _is_png(data: bytes) -> bool:
    """Chunk by chunk from IHDR to IEND, and nothing behind it (PNG specification, section 5)."""
    if not data.startswith(_PNG_SIGNATURE) or data[8:16] != b"\x00\x00\x00\x0dIHDR":
        return False
    at = len(_PNG_SIGNATURE)
    for _ in range(_STEPS):
        kind, after = data[at + 4 : at + 8], at + 12 + int.from_bytes(data[at : at + 4], "big")
        if after > len(data) or len(kind) < 4:  # noqa: PLR2004  # length and kind are four bytes each
            return False
        if kind == b"IEND":
            return after == len(data)
        at = after
    return False


def _is_jpeg(data: bytes) -> bool:
    """One image after the other from SOI to EOI (ITU-T T.81, annex B), as cameras append previews and gain maps.

    After the last one only padding, or the trailer that Samsung's cameras write (it ends with "SEFT").
    """
    at = _end_of_jpeg(data, 0)
    for _ in range(_IMAGES):
        if at is None:
            return False
        if not data.startswith(_SOI, at):
            break
        at = _end_of_jpeg(data, at)
    rest = data[at:]
    return not rest.strip(b"\x00") or (rest.endswith(b"SEFT") and b"SEFH" in rest)


def _end_of_jpeg(data: bytes, at: int) -> int | None:
    """Return where the image that begins at `at` ends; None when there is no whole one."""
    if not data.startswith(_SOI, at):
        return None
    at, has_scan = at + 2, False
    for _ in range(_STEPS):
        marker, size = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _EOI:
            return at + 2 if has_scan else None
        if marker[:1] != b"\xff" or size < 2 or at + 2 + size > len(data):  # noqa: PLR2004  # the size counts itself
            return None
        at += 2 + size
        if marker == _SOS:
            has_scan = True
            found = _JPEG_MARKER.search(data, at)
            if found is None:
                return None
            at = found.start()
    return None


_TYPES: Final[dict[str, Callable[[bytes], bool]]] = {PDF: _is_pdf, JPEG: _is_jpeg, PNG: _is_png}
