"""What each failure means, as tables: of a record that comes in, and of an answer of the register; no I/O."""

from collections.abc import Mapping
from typing import Final

from hoso_chassis.policy import Failure, Policy, Table
from hoso_chassis.work import TargetRefused, TargetUnavailable
from hoso_identity.domain import AnotherDossier


class RegisterUnavailable(TargetUnavailable):
    """The register gave no answer that is its own: ask again later."""


class RegisterRefused(TargetRefused):
    """The register will never answer this question as it was put: give it up, visibly."""


RECORDS: Final = Policy({AnotherDossier: Failure.PERMANENT})
"""Records from Kafka: a row beside the chassis' own."""

ANSWERS: Final[Mapping[int, type[RegisterUnavailable | RegisterRefused]]] = {
    400: RegisterRefused,
    413: RegisterRefused,
    422: RegisterRefused,
}
"""HTTP statuses that speak of the one request. Every other status that is no answer speaks of the way to the register
(overload, maintenance, a wrong route, expired credentials): giving up each question, or calling each a mismatch, would
turn one fault of ours or theirs into the refusal of everybody."""


LOST: Final[Mapping[str, type[RegisterUnavailable | RegisterRefused]]] = {
    "no connection, no answer in time, cut off": RegisterUnavailable,
    "200 or 404 in another shape than the register's": RegisterUnavailable,
    "200 with the record of another number": RegisterUnavailable,
    "more than 16 KiB": RegisterUnavailable,
}
"""What is no answer of the register, whatever status it has."""

TABLES: Final = (
    RECORDS.table(),
    Table("the register's status", {str(status): means for status, means in ANSWERS.items()}, RegisterUnavailable),
    Table("the way to the register", LOST, RegisterUnavailable),
)
"""All of it, as the README shows it."""


def failure_of(status: int) -> type[RegisterUnavailable | RegisterRefused]:
    """The failure that an HTTP status means, where it is no answer."""
    return ANSWERS.get(status, RegisterUnavailable)
