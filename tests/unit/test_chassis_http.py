"""The application every api role has: problems for every refusal, limits, versions, and what the operator sees."""

import asyncio
import json
import weakref
from collections.abc import AsyncGenerator, Generator, MutableMapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Message
from structlog.testing import capture_logs

from hoso_chassis import metrics, tracing
from hoso_chassis.description import problem_responses
from hoso_chassis.etags import check_version, etag, if_match
from hoso_chassis.health import Health
from hoso_chassis.http import create_app, json_body, openapi_json
from hoso_chassis.postgres import CONFLICT
from hoso_chassis.problems import FieldError, Problem, standard
from hoso_chassis.tokens import Caller, require

CANARY = "Nguyễn Thị Ẩn Danh"


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ward: str = Field(max_length=5)


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    address: Address | None = None
    children: list[Address] = []
    answers: dict[str, int] = {}


WORDS = ("Từ", "Words")
FAILURES = {
    "bug": ValueError(CANARY),
    "away": ConnectionResetError(CANARY),
    "met": CONFLICT[0](CANARY),
    "http": HTTPException(429, CANARY, {"retry-after": "3"}),
    "odd": HTTPException(418, CANARY),
    "problem": Problem(
        409,
        "taken",
        ("Đã có", "Taken"),
        ("Chọn tên khác", "Choose another name"),
        [FieldError(pointer="/name", code="taken", title="Đã có", title_en="Taken")],
        {"x-code": "1"},
        code="G01",
    ),
}


def api() -> APIRouter:
    router = APIRouter(prefix="/people")

    @router.post("", responses=problem_responses(404, 409))
    async def create(person: Person) -> Person:
        return person

    @router.get("/{number}")
    async def read(number: int, limit: Annotated[int, Query(le=9)] = 1) -> int:
        return number + limit

    @router.get("/me/role")
    async def role(caller: Annotated[Caller, Depends(require("citizen"))]) -> str:
        return caller.role

    @router.put("/{number}")
    async def replace(number: int, seen: Annotated[int, Depends(if_match)]) -> int:
        check_version(seen, 7)
        return number

    @router.post("/raw")
    async def raw(body: Annotated[bytes, Depends(json_body)]) -> int:
        return len(body)

    @router.get("/fail/{how}")
    async def fail(how: str) -> StreamingResponse:
        if how == "half":
            return StreamingResponse(halves())
        raise FAILURES[how]

    return router


async def halves() -> AsyncGenerator[bytes]:
    yield b"half"
    raise ValueError(CANARY)


@pytest.fixture(autouse=True)
def logged() -> Generator[list[MutableMapping[str, Any]]]:
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def app() -> FastAPI:
    outer = APIRouter()
    outer.include_router(api(), prefix="/v1")
    return create_app(title="People", version="1.2.3", routers=[outer], health=Health(), body_limit=2000)


@pytest.fixture
async def client(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        yield client


@pytest.fixture
def spans(tmp_path: Path) -> Generator[Path]:
    path = tmp_path / "spans.jsonl"
    tracing.configure("people", "api", path)
    yield path
    tracing.close()


def slug(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["title"]
    assert document["title"] != document["title_en"]
    return document["type"].removeprefix("/problems/")


def pointers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/nowhere/at/all", 404, "not-found"),
        ("DELETE", "/7", 405, "method-not-allowed"),
        ("GET", "/7/", 404, "not-found"),
        ("GET", "/7?limit=10", 422, "invalid-request"),
        ("GET", "/7?limit=%00", 400, "malformed-request"),
        ("GET", "/fail/%00", 400, "malformed-request"),
        ("GET", "/me/role", 401, "token-missing"),
        ("GET", "/fail/bug", 500, "internal-error"),
        ("GET", "/fail/away", 503, "unavailable"),
        ("GET", "/fail/met", 503, "unavailable"),
        ("GET", "/fail/http", 429, "too-many-requests"),
        ("GET", "/fail/odd", 418, "http-418"),
        ("GET", "/fail/problem", 409, "taken"),
    ],
)
async def test_every_refusal_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, expected: str
) -> None:
    answer = await client.request(method, f"/v1/people{path}")
    assert (answer.status_code, slug(answer)) == (status, expected)
    assert CANARY not in answer.text


async def test_a_problem_carries_headers_errors_and_facts(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/people/fail/problem")
    assert answer.headers["x-code"] == "1"
    assert (answer.json()["code"], pointers(answer)) == ("G01", [("/name", "taken")])
    assert (await client.get("/v1/people/fail/http")).headers["retry-after"] == "3"
    assert (await client.delete("/v1/people/7")).headers["allow"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, [("/name", "missing")]),
        ({"name": [CANARY]}, [("/name", "string-type")]),
        ({"name": "a", CANARY: 1}, [("", "extra-forbidden")]),
        ({"name": "a"} | {f"{CANARY}{number}": 1 for number in range(40)}, [("", "extra-forbidden")]),
        (
            {"name": "a", "children": [{"ward": CANARY}] * 40},
            [(f"/children/{number}/ward", "string-too-long") for number in range(30)],
        ),
        ({"name": "a", "address": {"ward": CANARY}}, [("/address/ward", "string-too-long")]),
        ({"name": "a", "children": [{"ward": "b"}, {"ward": CANARY}]}, [("/children/1/ward", "string-too-long")]),
        ({"name": "a", "answers": {CANARY: CANARY}}, [("/answers", "int-parsing")]),
        ([CANARY], [("", "model-attributes-type")]),
    ],
)
async def test_an_invalid_field_is_named_but_never_repeated(
    client: httpx.AsyncClient, sent: object, expected: list[tuple[str, str]]
) -> None:
    answer = await client.post("/v1/people", json=sent)
    assert (answer.status_code, slug(answer), pointers(answer)) == (422, "invalid-request", expected)
    assert CANARY not in answer.text


async def test_parameters_have_pointers_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/people/x", params={"limit": 10})
    assert sorted(pointers(answer)) == [("/path/number", "int-parsing"), ("/query/limit", "less-than-equal")]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": }',
        b'{"name": "\xff"}',
        b'{"name": "a\\u0000"}',
        b'{"name": "\\\\\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": "a"} x',
        b"[" * 300 + b"]" * 300,
        b'{"a":' * 300 + b"1" + b"}" * 300,
    ],
)
@pytest.mark.parametrize("path", ["", "/raw"])
async def test_json_that_nobody_can_keep_is_malformed(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    answer = await client.post(f"/v1/people{path}", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, slug(answer)) == (400, "malformed-request")


async def test_a_backslash_before_u0000_is_text(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/people", content=b'{"name": "\\\\u0000"}', headers={"content-type": "application/json"}
    )
    assert answer.json()["name"] == "\\u0000"


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "", "json"]
)
@pytest.mark.parametrize("path", ["", "/raw"])
async def test_what_is_not_json_is_an_unsupported_media_type(
    client: httpx.AsyncClient, path: str, media_type: str
) -> None:
    answer = await client.post(f"/v1/people{path}", content=b'{"name": "a"}', headers={"content-type": media_type})
    assert (answer.status_code, slug(answer)) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "media_type", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
)
async def test_json_has_more_than_one_name(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post("/v1/people", content=b'{"name": "a"}', headers={"content-type": media_type})
    assert answer.status_code == 200


async def test_a_missing_body_is_said_to_be_missing(client: httpx.AsyncClient) -> None:
    assert pointers(await client.post("/v1/people", headers={"content-type": "application/json"})) == [("", "missing")]
    assert (await client.post("/v1/people/raw", headers={"content-type": "application/json"})).status_code == 400


async def test_a_body_too_large_is_refused_and_the_connection_closed(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/people", json={"name": "a" * 2000})
    assert (answer.status_code, slug(answer), answer.headers["connection"]) == (413, "body-too-large", "close")
    assert "connection" not in (await client.post("/v1/people", json={"name": "a"})).headers


@pytest.mark.parametrize(
    ("header", "status", "expected"),
    [
        (None, 428, "if-match-missing"),
        ("", 400, "if-match-malformed"),
        ("*", 400, "if-match-malformed"),
        ('W/"7"', 400, "if-match-malformed"),
        ('"7", "8"', 400, "if-match-malformed"),
        ('"-7"', 400, "if-match-malformed"),
        ("7", 400, "if-match-malformed"),
        (f'"{"9" * 30}"', 400, "if-match-malformed"),
        ('"6"', 412, "version-changed"),
    ],
)
async def test_a_change_says_which_version_it_has_seen(
    client: httpx.AsyncClient, header: str | None, status: int, expected: str
) -> None:
    answer = await client.put("/v1/people/1", headers={} if header is None else {"if-match": header})
    assert (answer.status_code, slug(answer)) == (status, expected)


async def test_the_version_seen_is_enough(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/people/1", headers={"if-match": etag(7)})).status_code == 200
    assert (await client.put("/v1/people/1", headers={"if-match": etag(6)})).headers["etag"] == etag(7)


async def test_after_half_an_answer_nothing_is_added(app: FastAPI, logged: list[MutableMapping[str, Any]]) -> None:
    sent: list[str] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "path": "/v1/people/fail/half",
        "headers": [],
        "query_string": b"",
    }
    await app(scope, receive, send)
    assert sent == ["http.response.start", "http.response.body"]
    assert [entry["event"] for entry in logged] == ["request-failed"]


async def test_nobody_else_records_requests(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    await client.get("/v1/people/7", params={"name": CANARY})
    assert exporter.get_finished_spans() == ()


async def test_a_request_is_one_span_in_the_callers_trace(client: httpx.AsyncClient, spans: Path) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    answer = await client.get(
        "/v1/people/fail/bug", params={"name": CANARY}, headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    )
    await client.get("/livez")
    tracing.close()
    (span,) = (json.loads(line) for line in spans.read_text().splitlines())  # noqa: ASYNC240
    assert answer.json()["trace_id"] == span["trace_id"] == trace_id
    assert (span["name"], span["kind"], span["status"]) == ("GET /v1/people/fail/{how}", "server", "error")
    assert span["attributes"] == {"http.route": "/v1/people/fail/{how}", "http.response.status_code": 500}


async def test_requests_are_measured_by_template(client: httpx.AsyncClient) -> None:
    metrics.configure("people")
    for path in ("/1", "/2", "/x", "/nowhere/1"):
        await client.get(f"/v1/people{path}")
    shown = (await client.get("/metrics")).text
    counts = sorted(line for line in shown.splitlines() if "http_request_seconds_count" in line)
    name = "hoso_people_http_request_seconds_count"
    assert counts == [
        f'{name}{{method="GET",route="/v1/people/{{number}}",status="200"}} 2.0',
        f'{name}{{method="GET",route="/v1/people/{{number}}",status="422"}} 1.0',
        f'{name}{{method="GET",route="unmatched",status="404"}} 1.0',
    ]


def test_the_description_is_the_same_every_time_and_knows_problems(app: FastAPI) -> None:
    text = openapi_json(app)
    assert text == openapi_json(create_app(title="People", version="1.2.3", routers=app_routers(), health=Health()))
    document: dict[str, Any] = json.loads(text)
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/v1/people",
        "/v1/people/raw",
        "/v1/people/{number}",
        "/v1/people/me/role",
        "/v1/people/fail/{how}",
    }
    assert "HTTPValidationError" not in text
    assert document["paths"]["/v1/people/me/role"]["get"]["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("post", "/v1/people", {"404", "409", "413", "415", "422"}),
        ("get", "/v1/people/{number}", {"422"}),
        ("get", "/v1/people/me/role", {"401", "403"}),
        ("put", "/v1/people/{number}", {"412", "422", "428"}),
    ],
)
def test_what_a_route_may_answer_follows_from_what_it_takes(
    app: FastAPI, method: str, path: str, more: set[str]
) -> None:
    operation = json.loads(openapi_json(app))["paths"][path][method]
    assert set(operation["responses"]) == {"200", "400", "408", "431", "500", "503"} | more
    headers = [one for one in operation.get("parameters", ()) if one["in"] == "header"]
    assert [(one["name"], one["required"]) for one in headers] == ([("If-Match", True)] if "412" in more else [])


def test_an_example_stands_once_and_a_header_that_not_all_have_is_not_promised(app: FastAPI) -> None:
    document = json.loads(openapi_json(app))
    refusals = document["paths"]["/v1/people"]["post"]["responses"]
    assert refusals["404"]["content"]["application/problem+json"] == {
        "schema": {"$ref": "#/components/schemas/ProblemDocument"},
        "examples": {"not-found": {"$ref": "#/components/examples/not-found"}},
    }
    assert document["components"]["examples"]["not-found"]["value"]["status"] == 404
    assert refusals["503"]["headers"]["Retry-After"]["required"]
    assert "headers" not in refusals["404"]
    mixed = problem_responses(
        Problem(429, "today", WORDS, WORDS, headers={"retry-after": "9"}), Problem(429, "ever", WORDS, WORDS)
    )
    assert not mixed[429]["headers"]["Retry-After"]["required"]


def app_routers() -> list[APIRouter]:
    outer = APIRouter()
    outer.include_router(api(), prefix="/v1")
    return [outer]


class Buffer:
    """Something large."""


async def test_a_refusal_keeps_nothing_of_what_it_was_raised_from() -> None:
    """It may linger for seconds, and a thousand at once."""
    buffers: list[weakref.ref[Buffer]] = []
    router = APIRouter()

    @router.get("/refuse")
    async def refuse() -> None:
        buffer = Buffer()
        buffers.append(weakref.ref(buffer))
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            raise standard(409) from None

    kept: list[bool] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(_: Message) -> None:
        kept.append(buffers[0]() is not None)

    app = create_app(title="t", version="1", routers=[router], health=Health())
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/refuse", "query_string": b"", "headers": []}
    await app(scope | {"http_version": "1.1", "server": ("t", 80), "scheme": "http"}, receive, send)
    assert kept == [False, False]
