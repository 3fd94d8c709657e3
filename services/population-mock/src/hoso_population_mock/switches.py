"""The switches that make the register slow, faulty or dead: their values and how a change of them is read."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hoso_population_mock.problems import Fault, Problem, invalid, not_json

Milliseconds = Annotated[int, Field(ge=0, le=600_000)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Switches(BaseModel):
    """How lookups are disturbed; the defaults disturb nothing."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    latency_ms: Milliseconds = 0
    """Every answer waits so long."""
    latency_jitter_ms: Milliseconds = 0
    """And up to so much more, evenly spread."""
    error_rate: Rate = 0.0
    """This share of lookups is answered 500."""
    throttle_per_second: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)] | None = None
    """More lookups than this in a second are answered 429 with Retry-After; null: no limit."""
    outage: bool = False
    """Every lookup is answered 503 at once."""
    hang: bool = False
    """Lookups are accepted and not answered until a switch is set or the caller goes."""
    wrong_answer_rate: Rate = 0.0
    """This share of lookups is answered 200 with a gateway's HTML page instead of the register's JSON."""


_OBJECT: Final = TypeAdapter(dict[str, object])
_EXPECTED: Final = {
    "latency_ms": ("số nguyên từ 0 đến 600000", "a whole number from 0 to 600000"),
    "latency_jitter_ms": ("số nguyên từ 0 đến 600000", "a whole number from 0 to 600000"),
    "error_rate": ("số từ 0 đến 1", "a number from 0 to 1"),
    "throttle_per_second": ("số lớn hơn 0 đến 1000000, hoặc null", "a number above 0 up to 1000000, or null"),
    "outage": ("true hoặc false", "true or false"),
    "hang": ("true hoặc false", "true or false"),
    "wrong_answer_rate": ("số từ 0 đến 1", "a number from 0 to 1"),
}


def read_change(body: bytes, current: Switches) -> Switches:
    """Return the current switches with those changed that a JSON object names.

    Raises:
        Problem: 400 the body is no JSON object; 422 an unknown switch or a value that it cannot have (nothing changes).
    """
    try:
        change = _OBJECT.validate_json(body)
    except ValidationError:
        raise not_json() from None
    try:
        return Switches.model_validate({**current.model_dump(), **change})
    except ValidationError as error:
        raise _refused({str(each["loc"][0]) for each in error.errors(include_input=False)}) from None


def _refused(names: set[str]) -> Problem:
    faults: list[Fault] = []
    for name in (name for name in _EXPECTED if name in names):
        vietnamese, english = _EXPECTED[name]
        faults.append(Fault(f"/{name}", "not-acceptable", f"Giá trị phải là {vietnamese}", f"It must be {english}"))
    if names.difference(_EXPECTED):
        known = ", ".join(_EXPECTED)
        faults.append(Fault("", "unknown-switch", f"Chỉ có các công tắc: {known}", f"The switches are: {known}"))
    return invalid(faults)
