"""What a failure of dossier's own means: rows beside the chassis' table, each with its reason."""

from typing import Final

from hoso_chassis.policy import Failure, Policy
from hoso_dossier.domain import ContentDiffers, UnknownAttachment, UnknownNotification, WrongStatus

POLICY: Final = Policy(
    {
        UnknownAttachment: Failure.PERMANENT,  # another try finds it no better: somebody looks at the dead letter
        UnknownNotification: Failure.PERMANENT,  # the same
        ContentDiffers: Failure.PERMANENT,  # what storage kept is not what was submitted: a person must look
        WrongStatus: Failure.BUG,  # handlers ask before they move; an officer's wrong move is answered by HTTP
    }
)

TABLES: Final = (POLICY.table(),)
"""All of it, as the README shows it; dossier calls nobody."""
