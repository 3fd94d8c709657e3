"""What comes in from Kafka and what follows from it; plain functions without I/O."""

from collections.abc import Iterable

from hoso_chassis.consequences import Consequence, Work
from hoso_chassis.inbound import Inbound
from hoso_contracts.dossier import IdentityVerificationRequested
from hoso_identity.domain import Step, Verification
from hoso_identity.matching import Declaration
from hoso_identity.verifying import VERIFY, announcement

inbound = Inbound[Verification]()


def is_known(_event: IdentityVerificationRequested, verification: Verification) -> bool:
    """Whether a redriven question comes too late: dossier has asked again, and it is answered or being asked."""
    return verification.state == "answered" or verification.in_work


@inbound.on(IdentityVerificationRequested, of=lambda event: event.verification_id, superseded=is_known)
def verify_identity(event: IdentityVerificationRequested, verification: Verification) -> Iterable[Consequence]:
    """Ask the register, or tell again what it said.

    Duplicates: the same event never reaches here, the inbox has the id; the same question in a new event gets the same
    answer, or none while the register is being asked.
    Out of order: there is no order between questions of one dossier; each has its own id and its own answer.
    """
    match verification.ask(event.dossier_id, at=event.requested_at):
        case Step.LOOK_UP:
            yield Work(VERIFY, str(event.dossier_id), event.verification_id, _declaration(event))
        case Step.REPEAT:
            yield announcement(verification)
        case Step.WAIT:
            pass


def _declaration(event: IdentityVerificationRequested) -> Declaration:
    return Declaration(
        identity_number=event.identity_number, full_name=event.full_name, date_of_birth=event.date_of_birth
    )
