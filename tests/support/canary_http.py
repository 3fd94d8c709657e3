"""The hunted person's data in every trick at every route of the stack, over raw sockets; ends are not judged."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from hoso_stack.story import Story
from support.canary_walk import Walk
from support.form import sized
from support.http_body_edges import BODIES
from support.http_edges import PLAIN, Edge, Send, edge, has, with_headers, with_lines
from support.http_framing_edges import FRAMINGS
from support.http_head_edges import HEADS
from support.http_hidden_edges import HIDINGS
from support.http_path_edges import PATHS
from support.http_routes import Route, routes
from support.http_slow_edges import SLOW, SlowEdge
from support.raw_http import connected, exchange
from support.storage_samples import BOUNDARY

PATH: Final = "HTTP"
_EVERY: Final = sized(9, 1)  # of the pairs of trick and route
_AT_ONCE: Final = 16
_FORM: Final = (
    "--{b}\r\ncontent-disposition: form-data; name=draft_id\r\n\r\n{word}\r\n"
    "--{b}\r\ncontent-disposition: form-data; name={word}\r\n\r\n{word}\r\n"
    '--{b}\r\ncontent-disposition: form-data; name=file; filename="{word}.pdf"\r\ncontent-type: {word}\r\n'
    "x-{word}: {word}\r\n\r\n%PDF-1.4 {word}\r\n--{b}--\r\n"
)
_LINES: Final = (
    *("user-agent", "cookie", "referer", "origin", "accept", "accept-language", "x-request-id", "x-forwarded-for"),
    *("x-forwarded-host", "x-real-ip", "forwarded", "if-none-match", "range", "traceparent", "tracestate", "baggage"),
    *("from", "te", "via", "proxy-authorization", "x-amzn-trace-id", "b3", "content-language", "x-user"),
)


def _forms(route: Route) -> Sequence[bytes]:
    body = _FORM.replace("{b}", BOUNDARY).replace("{word}", route.word)
    return [route.but(body=body.encode()).sized()]


def _said(text: str) -> Send:
    """A body of JSON that holds the word as a name and as a value, at every depth."""
    return lambda route: [route.but(body=text.replace("{word}", route.word).encode()).sized()]


_JSON: Final = '{"receipts":["{word}"],"answers":{"{word}":"{word}","full_name":["{word}"]},"procedure":"{word}"}'

PERSONAL: Final[tuple[Edge, ...]] = (
    *(edge(f"header {name}", with_lines(f"{name}: {{word}}"), PLAIN) for name in _LINES),
    edge("trace named after it", with_lines("traceparent: 00-{word}-{word}-01"), PLAIN),
    edge("state of a trace", with_lines("tracestate: hoso={word}", "baggage: person={word}"), PLAIN),
    edge("basic log-in", with_headers(authorization="Basic {word}"), PLAIN, applies=has("authorization")),
    edge("token that is the word", with_headers(authorization="Bearer {word}"), PLAIN, applies=has("authorization")),
    edge("key that is the word", with_headers(idempotency_key="{word}"), PLAIN, applies=has("idempotency-key")),
    edge("version that is the word", with_headers(if_match='"{word}"'), PLAIN, applies=has("if-match")),
    edge("weak version", with_headers(if_match="W/{word}"), PLAIN, applies=has("if-match")),
    edge("host that is the word", with_headers(host="{word}"), PLAIN),
    edge("form of it", _forms, None, form=PLAIN),
    edge("JSON of it", _said(_JSON), None, json=PLAIN),
    edge("JSON list of it", _said('[{"{word}":1},"{word}"]'), None, json=PLAIN),
)
GOING: Final = tuple(trick for trick in SLOW if not trick.ends)  # who waits to be refused is waited for by minutes
TRICKS: Final = (*HEADS, *PATHS, *BODIES, *FRAMINGS, *HIDINGS)


def _routes(walk: Walk, story: Story, attachment: str, word: str) -> list[tuple[int, Route]]:
    """Every route with each caller who may have it, and its port."""
    env = walk.stack.env()
    assert walk.draft is not None
    known = {
        "draft_id": walk.draft.dossier_id,
        "dossier_id": story.dossier_id,
        "attachment_id": attachment,
        "query code": story.code,
        "path code": "1.004194",
    }
    callers = {"dossier": (walk.person.token, env["OFFICER_TOKEN"]), "storage": (walk.person.token,)}
    return [
        (urlsplit(env[f"{service.upper()}_URL"]).port or 80, route)
        for service, given in callers.items()
        for token in given
        for route in routes(service, known, {"authorization": f"Bearer {token}"}, word)
    ]


async def try_everything(walk: Walk, story: Story, attachment: str) -> None:
    """Send a word of the person with each trick to every so many routes, and with those of PERSONAL to all."""
    words, turn, number = walk.person.words, asyncio.Semaphore(_AT_ONCE), 0
    by_word = [_routes(walk, story, attachment, word) for word in words]
    tries: list[tuple[int, Route, Edge]] = []
    for tricks, every in ((PERSONAL, 1), (TRICKS, _EVERY)):
        for trick in tricks:
            for place in range(len(by_word[0])):
                number += 1
                port, route = by_word[number // every % len(words)][place]
                if number % every == 0 and trick.tries(route):
                    tries.append((port, route, trick))

    async def go_away(port: int, route: Route, trick: SlowEdge) -> None:
        async with turn, connected(port) as talk:
            with suppress(ConnectionError):
                await trick.play(talk, route)

    async def attempt(port: int, route: Route, trick: Edge) -> None:
        async with turn:
            parts, answers = trick.send(route), max(map(len, trick.ends.values()))
            # A word in the place of the test's own may end it another way, so the answers are read and not judged.
            found = await exchange(port, parts, answers=answers, heads_only=trick.is_head, within=60)
        for answer in found:
            walk.heard(PATH, answer.status, str(answer.headers).encode(), answer.body)

    gone = [
        go_away(*by_word[number % len(words)][number % len(by_word[0])], trick) for number, trick in enumerate(GOING)
    ]
    await asyncio.gather(*gone, *(attempt(*one) for one in tries))
