"""The client of the population register; nothing that was asked or answered is logged or stands in an exception."""

from datetime import date
from types import TracebackType
from typing import Final, Literal, Self

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from hoso_identity.matching import RegisteredPerson
from hoso_identity.policy import LOST, failure_of

ANSWER_LIMIT: Final = 16_384  # octets; a record has about 400
_OK: Final = 200
_NOT_FOUND: Final = 404


class _Found(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    identity_number: str
    full_name: str
    date_of_birth: date
    date_of_birth_precision: Literal["day", "month", "year"] = "day"


class _NotFound(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["/problems/no-such-person"]


class PopulationRegister:
    """Asks the register for one person by number; connections are kept and limited.

    Proxies of the environment are not used: they would see what is asked.
    """

    def __init__(
        self, url: str, *, timeout: float, connections: int, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=timeout,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            trust_env=False,
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def person(self, identity_number: str) -> RegisteredPerson | None:
        """Return the record with this number, or None when the register itself says that nobody has it.

        Raises:
            RegisterUnavailable: no answer, or none that is the register's own (a gateway's page, another's record).
            RegisterRefused: the register does not accept the question.
        """
        try:
            status, body = await self._post(identity_number)
        except httpx.HTTPError as error:
            raise LOST["no connection, no answer in time, cut off"](type(error).__name__) from None
        if status not in (_OK, _NOT_FOUND):
            raise failure_of(status)(str(status))
        try:
            return _record(body, identity_number) if status == _OK else _nobody(body)
        except ValidationError:
            means = LOST["200 or 404 in another shape than the register's"]
            raise means(f"{status} with an answer that is not the register's") from None

    async def _post(self, identity_number: str) -> tuple[int, bytes]:
        """Send the question in the body, for a URL would stand in logs; read at most the limit of the answer."""
        question = {"identity_number": identity_number}
        async with self._client.stream("POST", "/people/lookup", json=question) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise LOST["more than 16 KiB"](f"{response.status_code} with more than {ANSWER_LIMIT} octets")
            return response.status_code, bytes(body)


def _record(body: bytes, identity_number: str) -> RegisteredPerson:
    found = _Found.model_validate_json(body)
    if found.identity_number != identity_number:
        raise LOST["200 with the record of another number"]("200 with the record of another number")
    return RegisteredPerson(found.identity_number, found.full_name, found.date_of_birth, found.date_of_birth_precision)


def _nobody(body: bytes) -> None:
    """Accept only the register's own word: a 404 of a wrong route must not reject a citizen."""
    _NotFound.model_validate_json(body)
