"""A verification, from the question to the verdict; it holds no personal data and knows neither register nor broker."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal
from uuid import UUID

State = Literal["new", "asked", "answered", "given-up"]
Verdict = Literal["verified", "rejected"]


class AnotherDossier(Exception):
    """The verification was asked for another dossier: an id is one question about one dossier, for ever."""


class Step(Enum):
    """What asking leads to."""

    LOOK_UP = "look-up"  # the register has to be asked
    REPEAT = "repeat"  # the verdict is known and told again
    WAIT = "wait"  # the register is being asked


@dataclass(slots=True)
class Verification:
    """One question about one dossier and its answer.

    Attributes:
        state: "new" was never stored; "given-up" was asked in vain and may be asked again.
        in_work: a call to the register is waiting or running, as found when it was loaded.
        asked_at: when dossier asked first.
        answered_at: when the register gave the answer that the verdict follows from.
    """

    verification_id: UUID
    dossier_id: UUID | None = None
    state: State = "new"
    in_work: bool = False
    verdict: Verdict | None = None
    asked_at: datetime | None = None
    answered_at: datetime | None = None

    def ask(self, dossier_id: UUID, at: datetime) -> Step:
        """Take the question; the same question again is answered again, or revived when it was given up.

        What counts is whether somebody works on it, not only the state: work that was lost is begun anew.

        Raises:
            AnotherDossier: the id stands for a question about another dossier.
        """
        if self.dossier_id not in (None, dossier_id):
            raise AnotherDossier
        if self.state == "answered":
            return Step.REPEAT
        if self.in_work:
            return Step.WAIT
        self.dossier_id, self.state, self.in_work = dossier_id, "asked", True
        self.asked_at = self.asked_at or at
        return Step.LOOK_UP

    def answer(self, verdict: Verdict, at: datetime) -> bool:
        """Keep the first verdict; whether this was it, and is to be announced."""
        self.in_work = False
        if self.state == "answered":
            return False
        self.state, self.verdict, self.answered_at = "answered", verdict, at
        return True

    def give_up(self) -> None:
        """Stop asking; nothing is known and nothing is told. A verdict stays."""
        self.in_work = False
        if self.state != "answered":
            self.state = "given-up"
