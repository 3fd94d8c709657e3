"""Small true files of each type, forms that carry them, and a key that signs receipts; all synthetic."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import orjson
from joserfc.jwk import OKPKey

BOUNDARY = "hoso-boundary-7MA4YWxk"
RECEIPT_KEY = OKPKey.generate_key("Ed25519", {"kid": "receipt-1"})


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(size: int | None = None) -> bytes:
    """One black pixel; with a comment chunk when it is to have `size` bytes."""
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", b"\0\0\0\x01\0\0\0\x01\x08\0\0\0\0")
    tail = _chunk(b"IDAT", zlib.compress(b"\0\0")) + _chunk(b"IEND")
    if size is None:
        return head + tail
    return head + _chunk(b"tEXt", b"Comment\0" + b"x" * (size - len(head + tail) - 20)) + tail


def pdf(size: int | None = None) -> bytes:
    """An empty page; with a comment when it is to have `size` bytes."""
    head, tail = b"%PDF-1.4\n", b"trailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
    body = b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    if size is None:
        return head + body + tail
    return head + b"%" + b"x" * (size - len(head + body + tail) - 2) + b"\n" + body + tail


def jpeg(pixels: bytes = b"\x12\x34\xff\x00\x56\xff\xd0\x78") -> bytes:
    """Segments as a camera writes them; the image data is not an image, which no one looks at."""
    return (
        b"\xff\xd8"
         b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
         b"\xff\xdb\x00\x43\x00" + bytes(range(1, 65))
        + b"\xff\xc0\x00\x0b\x08\0\x01\0\x01\x01\x01\x11\0"
        + b"\xff\xda\x00\x08\x01\x01\0\0\x3f\0"
        + pixels
        + b"\xff\xd9"
    )  # fmt: skip


Part = tuple[str, bytes]


def form_of(parts: Sequence[Part], boundary: str = BOUNDARY, *, closed: bool = True) -> bytes:
    """A form of these parts; the one named file says that it is photo.pdf."""
    pieces: list[bytes] = []
    for name, content in parts:
        file = '; filename="photo.pdf"\r\nContent-Type: application/pdf' if name == "file" else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        pieces += [head.encode(), content, b"\r\n"]
    return b"".join(pieces) + (f"--{boundary}--\r\n".encode() if closed else b"")


def form(draft_id: UUID | str, content: bytes, component: str = "proof-of-dwelling") -> bytes:
    """A well-formed upload."""
    return form_of([("draft_id", str(draft_id).encode()), ("component", component.encode()), ("file", content)])


def content_type(boundary: str = BOUNDARY) -> str:
    return f"multipart/form-data; boundary={boundary}"


def receipt_key_file(folder: Path) -> Path:
    """The private key as the service reads it."""
    file = folder / "receipt.jwk"
    file.write_bytes(orjson.dumps(RECEIPT_KEY.as_dict(private=True)))
    return file
