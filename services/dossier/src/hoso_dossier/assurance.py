"""Whether somebody is identified surely enough for a procedure; the token says it, and nothing is looked up."""

from hoso_chassis.tokens import Caller
from hoso_dossier import refusals
from hoso_dossier.procedures import Procedure


def check_assurance(citizen: Caller, procedure: Procedure) -> None:
    """Raise Problem 403 assurance-too-low unless the level of the token at hand is what the procedure demands.

    Every act asks, not only the first: the same person's session of level 1 may be in somebody else's hands.
    """
    if citizen.assurance < procedure.minimum_assurance:
        raise refusals.assurance_too_low(procedure.minimum_assurance)
