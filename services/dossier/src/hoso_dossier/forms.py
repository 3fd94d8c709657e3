"""Answers against the JSON Schema of their form: every flaw at once, by pointer and code, never a value."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast

import jsonschema_rs

from hoso_chassis.problems import ERRORS
from hoso_dossier.flaws import Flaw
from hoso_dossier.texts import FORBIDDEN, FORMATS

_CODES: Final = {
    "required": "missing",
    "additionalProperties": "unknown-field",
    "type": "wrong-type",
    "enum": "not-a-choice",
    "const": "must-be-accepted",
    "format": "not-a-date",
    "minLength": "too-short",
    "maxLength": "too-long",
    "pattern": "wrong-form",
    "minItems": "too-few",
    "maxItems": "too-many",
    "uniqueItems": "repeated",
}
ROOT: Final = "/answers"
_IS_FINE: Final[dict[str, Callable[[str], bool]]] = {
    name: lambda text, flaw_of=flaw_of: flaw_of(text) is None for name, flaw_of in FORMATS.items()
}


class Form:
    """A form, compiled; it never fetches a schema from anywhere.

    Raises:
        ValueError: the schema is not one, or uses a format that is not known.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = jsonschema_rs.Draft202012Validator(
            dict(schema), offline=True, validate_formats=True, ignore_unknown_formats=False, formats=_IS_FINE
        )

    def find_flaws(self, answers: Mapping[str, Any]) -> list[Flaw]:
        """Return everything that is wrong with the answers, in the order of the form."""
        if self._validator.is_valid(answers):
            return []
        flaws = [_flaw(error) for error in self._validator.iter_errors(_shortened(answers))]
        if not flaws:  # what is wrong was cut off
            return [Flaw(ROOT, "invalid")]
        unreadable = {Flaw(flaw.pointer, "wrong-form") for flaw in flaws if flaw.code == FORBIDDEN}
        return [flaw for flaw in flaws if flaw not in unreadable]  # a hidden character breaks a pattern too


def _shortened(value: Any) -> Any:
    """Cut lists to as many items as can be told of: the validator finds all errors before it gives the first."""
    if isinstance(value, Mapping):
        return {name: _shortened(inner) for name, inner in cast("Mapping[str, Any]", value).items()}
    return [_shortened(inner) for inner in cast("list[Any]", value)[:ERRORS]] if isinstance(value, list) else value


def _flaw(error: jsonschema_rs.ValidationError) -> Flaw:
    """Name the flaw; the path has only names of the form, since it knows no others and goes into none."""
    path = list(error.instance_path)
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        path.append(error.kind.property)
    code = _CODES.get(error.kind.name, "invalid")
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Format) and error.kind.format in FORMATS:
        code = FORMATS[error.kind.format](cast("str", error.instance)) or code
    return Flaw(ROOT + "".join(_steps(path)), code)


def _steps(path: list[str | int]) -> Iterator[str]:
    for part in path:
        yield "/" + str(part).replace("~", "~0").replace("/", "~1")
