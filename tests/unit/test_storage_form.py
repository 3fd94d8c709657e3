"""The upload form: three parts in order, whole, and the same result in whatever pieces it arrives."""

import email.policy
import hashlib
from collections.abc import Iterator, Sequence
from email import message_from_bytes
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hoso_chassis.problems import Problem
from hoso_storage.form import Upload, UploadForm
from support.storage_samples import BOUNDARY, Part, content_type, form, form_of, png

DRAFT = UUID("01938f6e-1111-7000-8000-000000000001")
FIELDS: list[Part] = [("draft_id", str(DRAFT).encode()), ("component", b"proof-of-dwelling")]
WHOLE: list[Part] = [*FIELDS, ("file", b"content")]


def pieces_of(body: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return (body[begin:end] for begin, end in pairwise(edges))


def result(body: bytes, cuts: Sequence[int] = (), boundary: str = BOUNDARY) -> Upload | str:
    """The upload, or the slug of the problem."""
    parser = UploadForm.of(content_type(boundary))
    try:
        for piece in pieces_of(body, cuts):
            parser.feed(piece)
        return parser.close()
    except Problem as problem:
        return f"{problem.status_code} {problem.slug}"


def test_a_whole_form_gives_what_was_sent_and_its_hash() -> None:
    content = png()
    expected = Upload(DRAFT, "proof-of-dwelling", content, hashlib.sha256(content).hexdigest())
    assert result(form(DRAFT, content)) == expected
    assert result(form(str(DRAFT).upper(), content)) == expected


def test_a_whole_form_is_read_as_another_parser_reads_it() -> None:
    whole = f"Content-Type: {content_type()}\r\n\r\n".encode() + form_of(WHOLE)
    message = message_from_bytes(whole, policy=email.policy.HTTP)
    parts = [part.get_payload(decode=True) for part in message.iter_parts()]
    upload = result(form_of(WHOLE))
    assert isinstance(upload, Upload)
    assert parts == [str(upload.draft_id).encode(), upload.component.encode(), upload.content]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        FIELDS,
        [("file", b"x")],
        [FIELDS[1], FIELDS[0], ("file", b"x")],
        [("file", b"x"), *FIELDS],
        [FIELDS[0], ("file", b"x")],
        [FIELDS[0], *WHOLE],
        [*WHOLE, ("file", b"x")],
        [*WHOLE, ("note", b"after the file")],
        [("note", b"first"), *WHOLE],
        [("Draft_id", b""), *WHOLE[1:]],
        [("", b""), *WHOLE[1:]],
    ],
)
def test_other_parts_or_another_order_are_refused(parts: list[Part]) -> None:
    assert result(form_of(parts)) == "400 wrong-parts"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("draft_id", b"", "422 invalid-request"),
        ("draft_id", b"7", "422 invalid-request"),
        ("draft_id", b"{01938f6e-1111-7000-8000-000000000001}", "422 invalid-request"),
        ("draft_id", b"01938f6e111170008000000000000001", "422 invalid-request"),
        ("component", b"", "422 invalid-request"),
        ("component", b"../etc", "422 invalid-request"),
        ("component", b"x" * 65, "422 invalid-request"),
        ("component", "giấy".encode(), "422 invalid-request"),
        ("component", b"x" * 257, "400 malformed-form"),
        ("component", b"a\0b", "400 malformed-form"),
        ("component", b"a\nb", "400 malformed-form"),
        ("component", b"\xff\xfe", "400 malformed-form"),
        ("file", b"", "422 empty-file"),
    ],
)
def test_a_field_of_another_form_is_refused(name: str, value: bytes, expected: str) -> None:
    assert result(form_of([(part, value if part == name else content) for part, content in WHOLE])) == expected


def test_the_limit_is_exact() -> None:
    exact = result(form(DRAFT, b"x" * 5_242_880))
    assert isinstance(exact, Upload)
    assert len(exact.content) == 5_242_880
    assert result(form(DRAFT, b"x" * 5_242_881)) == "413 file-too-large"


def test_the_first_byte_too_many_is_refused_at_once() -> None:
    head = form(DRAFT, b"").partition(b"application/pdf\r\n\r\n")
    parser = UploadForm.of(content_type())
    parser.feed(head[0] + head[1] + b"x" * 5_242_880)
    with pytest.raises(Problem) as caught:
        parser.feed(b"y")
    assert caught.value.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"--",
        b"preamble\r\n" + form_of(WHOLE),
        b"\r\n" + form_of(WHOLE),
        form_of(WHOLE, "another-boundary"),
        form_of(WHOLE, closed=False),
        form_of(WHOLE)[:-5],
        form_of(WHOLE)[:150],
        form_of(WHOLE).replace(b"\r\n", b"\n"),
        form_of(WHOLE).replace(b"name=", b"na\0me="),
        form_of(WHOLE).replace(b"photo.pdf", b"ph\0to.pdf"),
        form_of(WHOLE).replace(b"photo.pdf", b"a\nb"),
        form_of(WHOLE).replace(b"photo.pdf", b"\xff"),
        form_of(WHOLE).replace(b"photo.pdf", b"x" * 4096),
        form_of(WHOLE).replace(b"photo.pdf", b"x" * 40_960),
        form_of(WHOLE).replace(b"form-data;", b"attachment;"),
        form_of(WHOLE).replace(b"Content-Disposition:", b"Content-Disposition"),
        form_of(WHOLE).replace(b"Content-Type:", b"Content-Length: 6\r\nContent-Type:"),
        form_of(WHOLE).replace(b"Content-Type:", b"Content-Length: 8\r\nContent-Type:"),
        form_of(WHOLE).replace(b"Content-Type:", b"X: 1\r\n" * 9 + b"Content-Type:"),
    ],
)
def test_what_is_no_form_is_refused_in_whole_and_in_pieces(body: bytes) -> None:
    assert result(body) == "400 malformed-form"
    assert result(body, range(len(body))) == "400 malformed-form"


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\nepilogue", b"epilogue"])
def test_what_follows_the_end_is_ignored(ending: bytes) -> None:
    body = form_of(WHOLE)[:-2] + ending
    assert isinstance(result(body), Upload)
    assert result(body, range(len(body))) == result(body)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("application/pdf", 415),
        ("", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ('multipart/form-data; boundary=""', 400),
        ("multipart/form-data; boundary=a\nb", 400),
        ("multipart/form-data; boundary=" + "x" * 71, 400),
        ('multipart/form-data; boundary="ends in space "', 400),
        ("multipart/form-data; boundary=ề", 400),
        ("multipart/form-data; xboundary=abc", 400),
    ],
)
def test_another_type_or_boundary_is_refused(value: str, status: int) -> None:
    with pytest.raises(Problem) as caught:
        UploadForm.of(value)
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    "value",
    [
        "multipart/form-data; boundary=abc",
        'Multipart/Form-Data;charset=utf-8; Boundary="abc"',
        "multipart/form-data;boundary=abc ; charset=utf-8",
    ],
)
def test_a_boundary_is_found_however_it_is_written(value: str) -> None:
    parser = UploadForm.of(value)
    parser.feed(form_of(WHOLE, "abc"))
    assert parser.close().content == b"content"


TRICKY = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"--", f"--{BOUNDARY}".encode(), f"\r\n--{BOUNDARY[:9]}".encode(), b"x", b"\0"]
    )
    | st.binary(max_size=8),
    max_size=12,
).map(b"".join)


@given(content=TRICKY, cuts=st.lists(st.integers(0, 600), max_size=20))
@example(content=b"\r\n--", cuts=[*range(600)])
def test_any_pieces_give_the_same_result(content: bytes, cuts: list[int]) -> None:
    body = form(DRAFT, content)
    assert result(body, cuts) == result(body)


@given(
    at=st.integers(0, 420),
    length=st.integers(0, 40),
    instead=TRICKY,
    cuts=st.lists(st.integers(0, 500), max_size=20),
)
def test_any_pieces_of_a_damaged_form_give_the_same_result(
    at: int, length: int, instead: bytes, cuts: list[int]
) -> None:
    body = form(DRAFT, b"content")
    damaged = body[:at] + instead + body[at + length :]
    assert result(damaged, cuts) == result(damaged)
