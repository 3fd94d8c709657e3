"""The one kind of work: ask the register, compare, record the verdict; the question is kept only until then."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hoso_chassis.consequences import Consequence
from hoso_chassis.work import GivenUp, Kind
from hoso_contracts.event import Event
from hoso_contracts.identity import IdentityRejected, IdentityVerified
from hoso_identity.domain import Verdict, Verification
from hoso_identity.matching import Declaration, RegisteredPerson, matches

VERIFY: Final = "verify"
MAX_AGE: Final = timedelta(days=3)

FindPerson = Callable[[str], Awaitable[RegisteredPerson | None]]
VerifyKind = Kind[Declaration, "Finding", Verification]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the register's answer means, and when it was given."""

    verdict: Verdict
    at: datetime


def verify_kind(find: FindPerson, clock: Callable[[], datetime], *, timeout: float, concurrency: int) -> VerifyKind:
    """Describe the work against the register that `find` asks.

    The breaker spares the register, so a question need not wait long: the delay between two tries grows to 30 s only.
    """

    async def compare(declared: Declaration) -> Finding:
        registered = await find(declared.identity_number)
        found = registered is not None and matches(declared, registered)
        return Finding("verified" if found else "rejected", clock())

    return Kind(
        name=VERIFY,
        target="population",
        payload=Declaration,
        perform=compare,
        record=record_verdict,
        give_up=stop_asking,
        timeout=timeout,
        max_age=MAX_AGE,
        concurrency=concurrency,
        first_delay=0.5,
        longest_delay=30.0,
    )


def record_verdict(_: Declaration, finding: Finding, verification: Verification) -> Iterable[Consequence]:
    """Keep the verdict and announce it, once."""
    if verification.answer(finding.verdict, finding.at):
        yield announcement(verification)


def stop_asking(_: Declaration, _reason: GivenUp, verification: Verification) -> Iterable[Consequence]:
    """Announce nothing: no answer is no verdict. The dead work is visible, and dossier's watchdog asks again."""
    verification.give_up()
    return ()


def announcement(verification: Verification) -> Event:
    """The event that tells the verdict.

    Raises:
        ValueError: there is no verdict yet.
    """
    match verification:
        case Verification(dossier_id=UUID() as dossier_id, verdict="verified", answered_at=datetime() as at):
            return IdentityVerified(dossier_id=dossier_id, verification_id=verification.verification_id, verified_at=at)
        case Verification(dossier_id=UUID() as dossier_id, verdict="rejected", answered_at=datetime() as at):
            return IdentityRejected(dossier_id=dossier_id, verification_id=verification.verification_id, rejected_at=at)
        case _:
            raise ValueError("a verification without a verdict cannot be announced")
