"""The procedure catalogue, from package data; what a procedure demands is data, and nothing here decides."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Term(_Entry):
    """How long the handling may take from acceptance."""

    amount: Annotated[int, Field(gt=0)]
    unit: Annotated[Literal["working-day"], Field(description="`working-day`: Monday to Friday. Open value.")]


class Fee(_Entry):
    """What it costs, by the way it is asked for."""

    method: Annotated[Literal["direct", "online", "post"], Field(description="How the dossier comes in.")]
    amount: Annotated[int, Field(ge=0)]
    currency: Literal["VND"]


class Case(_Entry):
    """A case ("trường hợp") of the procedure."""

    code: str
    name: Annotated[str, Field(description="In Vietnamese.")]


class Component(_Entry):
    """A paper the dossier consists of ("thành phần hồ sơ")."""

    code: str
    name: Annotated[str, Field(description="In Vietnamese.")]
    mandatory: bool


class ProcedureSummary(_Entry):
    """A procedure, without its form.

    Attributes:
        minimum_assurance: 1 or 2, how surely somebody must be identified to begin, change and submit a draft.
    """

    code: Annotated[str, Field(description="Code in the national catalogue.", examples=["1.004194"])]
    version: Annotated[int, Field(ge=1, description="A draft keeps the version it was begun with.")]
    name: Annotated[str, Field(description="In Vietnamese.")]
    name_en: str
    agency_level: Annotated[str, Field(description="`commune`, `province`, `central`. Open value.")]
    agency_level_title: Annotated[str, Field(description="In Vietnamese.")]
    minimum_assurance: Annotated[int, Field(ge=1, le=2, description="Least `assurance` of the token.")]
    term: Term
    fees: tuple[Fee, ...]
    cases: tuple[Case, ...]
    components: tuple[Component, ...]

    @property
    def mandatory_components(self) -> tuple[str, ...]:
        """Codes of the papers without which nothing is submitted."""
        return tuple(one.code for one in self.components if one.mandatory)

    def component_name(self, code: str) -> str:
        """Return a component's name, or its code when this version has no such component."""
        return next((one.name for one in self.components if one.code == code), code)


class Procedure(ProcedureSummary):
    """A procedure with the form of its answers."""

    form: Annotated[dict[str, Any], Field(description="JSON Schema 2020-12 of a draft's answers.")]

    def summary(self) -> ProcedureSummary:
        """Return it without its form."""
        return ProcedureSummary.model_validate(self.model_dump(exclude={"form"}))


class Catalogue:
    """All procedures in all their versions."""

    def __init__(self, procedures: Iterator[Procedure]) -> None:
        ordered = sorted(procedures, key=lambda one: (one.code, one.version))
        self._versions = {(one.code, one.version): one for one in ordered}
        self._current = {one.code: one for one in ordered}

    @property
    def current(self) -> Mapping[str, Procedure]:
        """The newest version of each procedure, by code, in the order of the codes."""
        return MappingProxyType(self._current)

    def version(self, code: str, version: int) -> Procedure:
        """Return the version a draft was begun with.

        Raises:
            KeyError: there was never such a version.
        """
        return self._versions[code, version]


@cache
def catalogue() -> Catalogue:
    """Read the packaged catalogue, once."""
    folder = files("hoso_dossier").joinpath("procedures")
    texts = (entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".json"))
    return Catalogue(Procedure.model_validate_json(text) for text in texts)
