"""Requests with one word of the caller's own in one place each: whatever repeats it is found by it."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from schemathesis import Case

from support.fuzz_cases import UPLOAD, whole
from support.fuzz_world import World
from support.storage_samples import BOUNDARY, content_type, form_of, pdf


def marked(service: str, route: str, world: World, word: str) -> Iterator[Case]:
    """The request that succeeds, with the word in each place it has, known or not."""
    for place in ("path_parameters", "query", "headers"):
        values: dict[str, Any] = dict(getattr(whole(service, route, world), place))
        names = [*values, *([] if place == "path_parameters" else [f"X-{word}"])]
        for name in names:
            yield _changed(whole(service, route, world), place, values | {name: word})
    if route == UPLOAD:
        yield from (_form(whole(service, route, world), parts) for parts in _parts(word))
        return
    case = whole(service, route, world)
    for body in _bodies(case.body, word) if route in world.bodies else ():
        yield _changed(whole(service, route, world), "body", body)


def _changed(case: Case, place: str, value: Any) -> Case:
    setattr(case, place, value)
    return case


def _bodies(body: Any, word: str) -> Iterator[Any]:
    """The body with the word instead of each of its values, as another member at each level, and instead of all."""
    yield word
    yield [word]
    yield from _inside(body, word)


def _inside(value: Any, word: str) -> Iterator[Any]:
    if isinstance(value, dict):
        members = cast("Mapping[str, Any]", value)
        yield {**members, word: word}
        for name, inner in members.items():
            yield {**members, name: word}
            yield from ({**members, name: changed} for changed in _inside(inner, word))
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        yield [*items, word]


def _form(case: Case, body: bytes) -> Case:
    case.body, case.media_type = body, "multipart/form-data"
    case.headers["Content-Type"] = content_type()
    return case


def _parts(word: str) -> Iterator[bytes]:
    """Upload forms with the word as a field, a part, a file name, a content, a header, and behind the end."""
    mark, draft = word.encode(), b"0199f2d1-6f7e-7cc2-8f51-6a3f0f4d2c11"
    yield form_of([("draft_id", mark), ("component", b"other"), ("file", pdf())])
    yield form_of([("draft_id", draft), ("component", mark + b"!"), ("file", pdf())])
    yield form_of([("draft_id", draft), ("component", mark), ("file", pdf())])
    yield form_of([("draft_id", draft), ("component", b"other"), ("file", mark)])
    yield form_of([("draft_id", draft), (word, mark), ("file", pdf())])
    good = form_of([("draft_id", draft), ("component", b"other"), ("file", pdf())])
    yield good.replace(b"photo.pdf", mark)
    yield good.replace(b"application/pdf", b"text/" + mark)
    yield good.replace(b"application/pdf\r\n", b"application/pdf\r\nX-" + mark + b": " + mark + b"\r\n")
    yield good + mark
    yield good.replace(BOUNDARY.encode(), mark)
