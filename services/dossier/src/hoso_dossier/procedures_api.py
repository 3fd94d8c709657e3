"""HTTP: the procedure catalogue, open to everybody."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from hoso_chassis.description import answer, problem_responses
from hoso_chassis.problems import standard
from hoso_dossier.procedures import Catalogue, Procedure, ProcedureSummary

_KEPT = {"cache-control": "public, max-age=300"}


class ProcedureList(BaseModel):
    """All procedures one can begin a draft for."""

    items: list[ProcedureSummary]


@dataclass(frozen=True, slots=True)
class ProceduresApi:
    """Routes of the catalogue."""

    catalogue: Catalogue

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/v1/procedures", tags=["procedures"])
        listed = answer(200, "All procedures.", "Cache-Control")
        shown = answer(200, "The procedure.", "Cache-Control")
        router.add_api_route("", self.list_procedures, methods=["GET"], responses=listed)
        router.add_api_route("/{code}", self.show_procedure, methods=["GET"], responses=shown | problem_responses(404))
        return router

    async def list_procedures(self, response: Response) -> ProcedureList:
        """All procedures, by code, without their forms."""
        response.headers.update(_KEPT)
        return ProcedureList(items=[one.summary() for one in self.catalogue.current.values()])

    async def show_procedure(self, code: Annotated[str, Path(max_length=64)], response: Response) -> Procedure:
        """One procedure with the JSON Schema of its form."""
        procedure = self.catalogue.current.get(code)
        if procedure is None:
            raise standard(404)
        response.headers.update(_KEPT)
        return procedure
