"""Sends what must be refused, and looks at the answer and at everything the stack writes and keeps."""

import json
import secrets
import unicodedata
from asyncio import to_thread
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from support.canaries import Search, spellings, written
from support.kept import kept_at_rest, kept_when_still
from support.stories import RunningStack
from support.waiting import until


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the answer must be.

    Attributes:
        slug: the last part of the problem's type.
        errors: pointer and code of each, whatever their order.
        more: further members, exactly.
    """

    status: int
    slug: str
    errors: tuple[tuple[str, str], ...] = ()
    more: tuple[tuple[str, Any], ...] = ()


def canary() -> str:
    """A word that is nowhere else, of letters only, so that it fits wherever a name does."""
    return "kanari" + "".join(secrets.choice("bcdfghjklmnpqrstvwxz") for _ in range(14))


@dataclass(frozen=True, slots=True)
class Refusing:
    """A stack that must refuse."""

    stack: RunningStack

    async def refuses(  # noqa: PLR0913 - a request and what must come of it
        self,
        service: str,
        method: str,
        path: str,
        refusal: Refusal,
        *,
        marked: Iterable[str],
        token: str = "",
        key: str | None = "",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Send a request; assert that it is refused like this, tells nothing of what was sent, and leaves nothing.

        Args:
            service: whose API.
            method: HTTP method.
            path: below the service's URL.
            refusal: the answer.
            marked: values of the request that must not be anywhere afterwards.
            token: of the caller; none when empty.
            key: Idempotency-Key; a new one when empty, none when None.
            headers: further ones.
            options: what httpx takes, the body.
        """
        trace = uuid4().hex
        sent = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        sent |= {} if key is None or method != "POST" else {"Idempotency-Key": key or uuid4().hex}
        url = self.stack.env()[f"{service.upper()}_URL"] + path

        before = (await kept_when_still(self.stack.env())).fingerprint()
        answer = await to_thread(_send, method, url, headers={**sent, **(headers or {})}, **options)
        after = (await kept_at_rest(self.stack.env())).fingerprint()

        assert_is(answer, refusal, trace)
        search = Search({value: spellings(value) for value in marked})
        assert not search.found(answer.content), "the answer repeats what was sent"
        assert not search.found(b"\n".join(b": ".join(pair) for pair in answer.headers.raw)), "a header repeats it"
        self._wait_for_span(service, trace)
        assert search.places(written(self.stack.folder)) == {}, "what was sent is in a log or a span"
        assert [name for name in {*before, *after} if before.get(name) != after.get(name)] == [], "something was left"
        return answer

    def _wait_for_span(self, service: str, trace: str) -> None:
        """The request's span is written last, so everything else about it is written too."""
        file = self.stack.folder / f"spans/{service}-api.jsonl"
        until(lambda: trace in file.read_text(), within=10)


def _send(method: str, url: str, **options: Any) -> httpx.Response:
    """Send as a blocking client: asyncio's drops an answer that came while it could not write the rest of a body."""
    with httpx.Client(timeout=30) as client:
        return client.request(method, url, **options)


def assert_is(answer: httpx.Response, refusal: Refusal, trace: str) -> None:
    """The answer is this problem document, in Vietnamese and English."""
    assert (answer.status_code, answer.headers["content-type"]) == (refusal.status, "application/problem+json")
    problem = json.loads(answer.content)
    assert (problem["type"], problem["status"]) == (f"/problems/{refusal.slug}", refusal.status)
    assert problem["trace_id"] == trace
    assert sorted((one["pointer"], one["code"]) for one in problem.get("errors", ())) == sorted(refusal.errors)
    for words in (problem, *problem.get("errors", ())):
        assert_bilingual(words["title"], words["title_en"])
    assert_bilingual(problem["detail"], problem["detail_en"])
    known = {"type", "title", "title_en", "detail", "detail_en", "status", "trace_id", "errors"}
    assert {name: value for name, value in problem.items() if name not in known} == dict(refusal.more)


def assert_bilingual(title: str, title_en: str) -> None:
    """Vietnamese with its accents, composed; English in plain letters."""
    assert unicodedata.is_normalized("NFC", title)
    assert any(unicodedata.combining(letter) for letter in unicodedata.normalize("NFD", title)) or "đ" in title.lower()
    assert title_en.isascii()
    assert title_en.strip()
