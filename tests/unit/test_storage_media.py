"""Type by content: what a file is, whatever it is called, and that it is nothing else besides."""

import io
import zipfile

import pytest

from hoso_storage.media import media_type
from support.storage_samples import jpeg, pdf, png


def archive(comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.txt", "a")
        file.comment = comment
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (pdf(), "application/pdf"),
        (pdf() + b" \r\n\0", "application/pdf"),
        (pdf(5_242_880), "application/pdf"),
        (png(), "image/png"),
        (png(100_000), "image/png"),
        (jpeg(), "image/jpeg"),
        (jpeg() + jpeg(), "image/jpeg"),
        (jpeg() + b"\0" * 7, "image/jpeg"),
        (jpeg() + b"SEFHtrailer of a cameraSEFT", "image/jpeg"),
        (jpeg(b"\xda" * 100_000), "image/jpeg"),
    ],
)
def test_a_whole_file_is_what_it_is(content: bytes, expected: str) -> None:
    assert media_type(content) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%",
        b"\xff\xd8",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a" + b"\0" * 30,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!DOCTYPE html><script>1</script>",
        b"MZ" + b"\0" * 100,
        archive(),
        b" " + pdf(),
        b"\n%PDF-1.4\n%%EOF",
        pdf()[:-7],
        pdf() + b"<html>",
        pdf() + b" " * 2000,
        png()[:-1],
        png() + b"\0",
        png()[:33],
        jpeg()[:-2],
        jpeg()[:-2] + b"\xff\xff",
        jpeg()[:40],
        jpeg() + jpeg()[:-1],
        jpeg() + b"x",
        jpeg() + b"SEFT",
    ],
)
def test_what_is_not_whole_or_not_allowed_has_no_type(content: bytes) -> None:
    assert media_type(content) is None


@pytest.mark.parametrize(
    "content",
    [
        png() + archive(),
        jpeg() + archive(),
        jpeg() + b"SEFH" + archive(b"SEFT"),
        pdf() + archive(b"%%EOF"),
        jpeg() + pdf(),
        png() + pdf(),
        pdf() + png(),
        jpeg().replace(b"JFIF\0", b"%PDF-"),
        jpeg(b"<script>alert(1)</script>"),
        png(400).replace(b"xxxxxxxx", b"<html>ab", 1),
        pdf().replace(b"\n1 0 obj", b"\n<?php ?>1 0 obj", 1),
    ],
)
def test_a_file_that_is_two_things_at_once_is_refused(content: bytes) -> None:
    assert media_type(content) is None


@pytest.mark.parametrize("unit", [b"\xff\xfe\x00\x02", b"\xff\xfe\x00\x02" * 7 + jpeg()])
def test_a_file_of_endless_segments_ends_soon(unit: bytes) -> None:
    assert media_type(b"\xff\xd8" + unit * (5_242_878 // len(unit))) is None
    assert media_type(jpeg() * (5_242_880 // len(jpeg()))) is None


def test_a_png_of_endless_chunks_ends_soon() -> None:
    chunk = b"\0\0\0\0tEXt\0\0\0\0"
    assert media_type(png()[:33] + chunk * 400_000 + png()[33:]) is None
