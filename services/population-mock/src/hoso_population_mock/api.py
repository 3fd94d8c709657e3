"""The HTTP face of the register: reads requests and writes answers; numbers never stand in a URL or in a log."""

from random import Random
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hoso_population_mock.disturbance import CallerGone, Disturbance
from hoso_population_mock.people import POPULATION, Person, Population, typed_name
from hoso_population_mock.problems import Fault, Problem, invalid, not_json
from hoso_population_mock.switches import Switches, read_change

BODY_LIMIT: Final = 4096
SAMPLE_LIMIT: Final = 1000
_SAMPLE_DEFAULT: Final = 10
_NOBODY: Final = Response(status_code=503)
_WRONG_ANSWER: Final = "<!doctype html><title>Gateway</title><p>Hệ thống đang bảo trì.</p>"


class Lookup(BaseModel):
    """The question for one person."""

    model_config = ConfigDict(frozen=True, strict=True)

    identity_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]


class Register:
    """The endpoints over one population and its disturbance."""

    def __init__(self, population: Population, disturbance: Disturbance) -> None:
        self._population = population
        self._disturbance = disturbance

    def routes(self) -> list[Route]:
        """Return the routes of the mock."""
        return [
            Route("/people/lookup", self.look_up, methods=["POST"]),
            Route("/people/sample", self.sample, methods=["GET"]),
            Route("/people/by-subject/{sub:path}", self.by_subject, methods=["GET"]),
            Route("/switches", self.switches, methods=["GET", "PUT", "DELETE"]),
            Route("/livez", answer_ok, methods=["GET"]),
            Route("/readyz", answer_ok, methods=["GET"]),
        ]

    async def look_up(self, request: Request) -> Response:
        """``POST /people/lookup {"identity_number"}``: 200 or 404. The switches act here only."""
        body = await _body_of(request)
        try:
            spoilt = await self._disturbance.disturb(lambda: _gone(request))
        except CallerGone:
            return _NOBODY
        person = self._population.person_by_number(_number_in(body))
        if person is None:
            raise Problem(404, "no-such-person", "Không có công dân mang số định danh này", "Nobody has this number")
        return HTMLResponse(_WRONG_ANSWER) if spoilt else JSONResponse(_record(person))

    async def sample(self, request: Request) -> Response:
        """``GET /people/sample?n=10&seed=0``: n different people, always the same for one seed."""
        count = _whole_number(request, "n", _SAMPLE_DEFAULT, lowest=1, highest=SAMPLE_LIMIT)
        seed = _whole_number(request, "seed", 0, lowest=0, highest=2**63 - 1)
        indices = Random(seed).sample(range(POPULATION), count)  # noqa: S311 - repeatable on purpose
        return JSONResponse([self._sampled(index) for index in indices])

    async def by_subject(self, request: Request) -> Response:
        """``GET /people/by-subject/{sub}``: what the holder of this token's ``sub`` types into a form."""
        person = self._population.person_at(self._population.index_of_subject(request.path_params["sub"]))
        return JSONResponse(
            {
                "identity_number": person.identity_number,
                "full_name": typed_name(person),
                "date_of_birth": person.date_of_birth.isoformat(),
                "gender": person.gender,
                "phone": person.phone,
                "email": person.email,
                "permanent_address": person.permanent_address,
            }
        )

    async def switches(self, request: Request) -> Response:
        """``GET|PUT|DELETE /switches``: read them, change some, put all back."""
        if request.method == "PUT":
            self._disturbance.set(read_change(await _body_of(request), self._disturbance.switches))
        elif request.method == "DELETE":
            self._disturbance.set(Switches())
        return JSONResponse(self._disturbance.switches.model_dump())

    def _sampled(self, index: int) -> dict[str, Any]:
        person = self._population.person_at(index)
        contacts = {"phone": person.phone, "email": person.email}
        return {**_record(person), **contacts, "subject": self._population.subject_of(index)}


async def answer_ok(_: Request) -> Response:
    """``GET /livez``, ``GET /readyz``: 200 while it serves, whatever the switches say.

    An outage is played: a supervisor must not end it by a restart. Nothing else has to be there, so live is ready.
    """
    return JSONResponse({"ok": True})


def _record(person: Person) -> dict[str, Any]:
    """Return what the register tells: no phone and no e-mail, which prove no identity."""
    return {
        "identity_number": person.identity_number,
        "full_name": person.full_name,
        "date_of_birth": person.date_of_birth.isoformat(),
        "date_of_birth_precision": person.date_of_birth_precision,
        "gender": person.gender,
        "permanent_address": person.permanent_address,
    }


def _number_in(body: bytes) -> str:
    try:
        return Lookup.model_validate_json(body).identity_number
    except ValidationError as error:
        located = [each for each in error.errors(include_input=False) if each["loc"]]
    if not located:
        raise not_json()
    raise invalid(
        [Fault("/identity_number", "not-12-digits", "Số định danh phải gồm 12 chữ số", "It must be 12 digits")]
    )


def _whole_number(request: Request, name: str, default: int, *, lowest: int, highest: int) -> int:
    text = request.query_params.get(name, "")
    if not text and name not in request.query_params:
        return default
    digits = len(str(highest))
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else -1
    if lowest <= value <= highest:
        return value
    words = (
        f"Tham số {name} phải là số nguyên từ {lowest} đến {highest}",
        f"{name} must be a whole number from {lowest} to {highest}",
    )
    raise invalid([Fault(f"/query/{name}", f"bad-{name}", *words)])


async def _body_of(request: Request) -> bytes:
    """Read the body, at most 4 KiB of it.

    Raises:
        Problem: 413, which also closes the connection, so that the rest is not read.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            headers = {"Connection": "close"}
            raise Problem(413, "body-too-large", "Nội dung gửi lên quá lớn", "The body is too large", headers=headers)
    return bytes(body)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def answer_nobody(_: Request, error: Exception) -> Response:
    """End a request whose caller left while sending the body."""
    if not isinstance(error, ClientDisconnect):
        raise TypeError("only callers who left come here")
    return _NOBODY
