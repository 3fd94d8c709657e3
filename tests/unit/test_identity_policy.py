"""The failure tables of identity, row by row; the README shows the same."""

import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from hoso_chassis.policy import Failure, NoSuchAggregate
from hoso_chassis.work import TargetRefused, TargetUnavailable
from hoso_identity.domain import AnotherDossier
from hoso_identity.policy import ANSWERS, RECORDS, RegisterRefused, RegisterUnavailable, failure_of
from hoso_identity.population import ANSWER_LIMIT, PopulationRegister

NUMBER = "003090000001"
RECORD = {
    "identity_number": NUMBER,
    "full_name": "Trần Thị Hòa",
    "date_of_birth": "1990-03-07",
    "date_of_birth_precision": "day",
    "gender": "female",
}
NOBODY = {"type": "/problems/no-such-person", "title": "Không có công dân mang số định danh này", "status": 404}


class Wire(httpx.AsyncByteStream):
    """A body as it comes over the wire, in pieces."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 1000):
            yield self.body[start : start + 1000]


def register(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> PopulationRegister:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=Wire(answer.content))

    transport = httpx.MockTransport(handle)
    return PopulationRegister("http://register.example/api", timeout=3, connections=2, transport=transport)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (AnotherDossier(), Failure.PERMANENT),
        (NoSuchAggregate(), Failure.PERMANENT),
        (ValueError(), Failure.BUG),
        (ConnectionRefusedError(), Failure.TRANSIENT),
    ],
)
def test_what_a_record_fails_with(error: Exception, failure: Failure) -> None:
    assert RECORDS.classify(error) is failure


def test_every_row_of_the_tables_is_tested_here() -> None:
    assert set(RECORDS.rows) == {AnotherDossier}
    assert set(ANSWERS) == {400, 413, 422}


def test_the_names_say_what_the_chassis_does() -> None:
    assert issubclass(RegisterUnavailable, TargetUnavailable)  # tried again, counted by the breaker
    assert issubclass(RegisterRefused, TargetRefused)  # given up at once


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_question_that_the_register_does_not_take_is_given_up(status: int) -> None:
    async with register(httpx.Response(status)) as client:
        with pytest.raises(RegisterRefused):
            await client.person(NUMBER)


@pytest.mark.parametrize(
    "answer",
    [
        *(pytest.param(httpx.Response(status), id=str(status)) for status in (401, 403, 408, 429, 500, 502, 503, 504)),
        pytest.param(httpx.Response(301, headers={"Location": "http://elsewhere.example/"}), id="301"),
        pytest.param(httpx.Response(204), id="204"),
        pytest.param(httpx.Response(404), id="404 of a wrong route"),
        pytest.param(httpx.Response(404, json={"type": "/problems/not-found"}), id="404 of another router"),
        pytest.param(httpx.Response(200, html="<p>Hệ thống đang bảo trì.</p>"), id="a gateway's page"),
        pytest.param(httpx.Response(200, content=b'{"identity_number": "003090'), id="cut short"),
        pytest.param(httpx.Response(200, content=b"\xff\xfe"), id="no text"),
        pytest.param(httpx.Response(200, content=gzip.compress(b" " * 10_000_000)), id="compressed unasked"),
        pytest.param(httpx.Response(200, json={**RECORD, "date_of_birth": "1990-02-30"}), id="no date"),
        pytest.param(httpx.Response(200, json={**RECORD, "date_of_birth_precision": "hour"}), id="no precision"),
        pytest.param(httpx.Response(200, json={**RECORD, "identity_number": "003090000002"}), id="another person"),
        pytest.param(httpx.Response(200, json=[RECORD]), id="another shape"),
        pytest.param(httpx.Response(200, json={**RECORD, "more": "x" * ANSWER_LIMIT}), id="too long"),
        pytest.param(httpx.ConnectError("refused"), id="connection refused"),
        pytest.param(httpx.ConnectTimeout("late"), id="connection late"),
        pytest.param(httpx.ReadTimeout("late"), id="answer late"),
        pytest.param(httpx.PoolTimeout("late"), id="no connection free"),
        pytest.param(httpx.ReadError("reset"), id="connection reset"),
        pytest.param(httpx.RemoteProtocolError("closed"), id="no HTTP"),
    ],
)
async def test_what_is_not_the_registers_own_answer_is_asked_again(answer: httpx.Response | Exception) -> None:
    async with register(answer) as client:
        with pytest.raises(RegisterUnavailable):
            await client.person(NUMBER)


def test_every_other_status_is_asked_again() -> None:
    for status in set(range(100, 600)) - {200, 404} - set(ANSWERS):
        assert failure_of(status) is RegisterUnavailable


async def test_a_record_is_a_person_and_may_say_more() -> None:
    async with register(httpx.Response(200, json={**RECORD, "more": "x" * 8000})) as client:
        person = await client.person(NUMBER)
    assert person is not None
    assert (person.full_name, person.date_of_birth_precision) == ("Trần Thị Hòa", "day")


async def test_the_registers_own_404_means_nobody() -> None:
    async with register(httpx.Response(404, json=NOBODY)) as client:
        assert await client.person(NUMBER) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={**RECORD, "identity_number": "003090000002"}),
        httpx.Response(200, json={**RECORD, "date_of_birth": "1990-02-30"}),
        httpx.Response(422, json={"detail": NUMBER}),
        httpx.ConnectError(f"cannot ask for {NUMBER}"),
    ],
)
async def test_no_exception_tells_what_was_asked_or_answered(answer: httpx.Response | Exception) -> None:
    async with register(answer) as client:
        with pytest.raises((RegisterUnavailable, RegisterRefused)) as caught:
            await client.person(NUMBER)
    told = f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    for value in ("0030", "Trần", "1990"):
        assert value not in told


async def test_the_number_stands_in_the_body_and_nowhere_else() -> None:
    seen: list[httpx.Request] = []

    async with register(httpx.Response(404, json=NOBODY), seen) as client:
        await client.person(NUMBER)
    (request,) = seen
    assert (request.method, request.url.path, request.content) == (
        "POST",
        "/api/people/lookup",
        b'{"identity_number":"003090000001"}',
    )
    assert NUMBER not in str(request.url) + str(request.headers)
