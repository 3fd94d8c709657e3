"""The part of schemathesis that the tests use, with types: its own are partly unknown to a strict reader."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from hypothesis.strategies import SearchStrategy
from requests import PreparedRequest, Session
from schemathesis import openapi as openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.feedback import FeedbackSources

Check: TypeAlias = Callable[[Any, Response, Case], bool | None]

class GenerationMode(StrEnum):
    POSITIVE = "positive"
    NEGATIVE = "negative"

class Response:
    status_code: int
    headers: dict[str, list[str]]
    request: PreparedRequest
    @property
    def text(self) -> str: ...
    def json(self) -> Any: ...

class Case:
    operation: APIOperation
    method: str
    path: str
    path_parameters: dict[str, Any]
    headers: MutableMapping[str, Any]
    cookies: dict[str, Any]
    query: dict[str, Any]
    body: Any
    media_type: str | None
    def call(self, base_url: str, session: Session, headers: dict[str, Any], *, timeout: float) -> Response: ...
    def validate_response(self, response: Response, checks: Sequence[Check]) -> None: ...

class APIOperation:
    method: str
    path: str
    def as_strategy(self, generation_mode: GenerationMode, *, feedback: FeedbackSources) -> SearchStrategy[Case]: ...
    def Case(self, **parts: Any) -> Case: ...  # noqa: N802  # its name

class BaseSchema:
    config: SchemathesisConfig
    def __getitem__(self, path: str) -> Mapping[str, APIOperation]: ...
    def iter_coverage_cases(
        self, operation: APIOperation, *, generation_modes: list[GenerationMode], generation_config: Any
    ) -> Iterator[Case]: ...
