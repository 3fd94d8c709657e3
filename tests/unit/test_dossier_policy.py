"""The failure table of dossier, row by row."""

import pytest

from hoso_chassis.policy import Failure
from hoso_dossier.domain import ContentDiffers, UnknownAttachment, UnknownNotification, WrongStatus
from hoso_dossier.policy import POLICY
from hoso_dossier.values import Status


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (UnknownAttachment(), Failure.PERMANENT),
        (UnknownNotification(), Failure.PERMANENT),
        (ContentDiffers(), Failure.PERMANENT),
        (WrongStatus(Status.REFUSED), Failure.BUG),
        (RuntimeError(), Failure.BUG),
        (OSError(), Failure.TRANSIENT),
    ],
)
def test_a_failure_forces_the_decision_of_the_table(error: Exception, failure: Failure) -> None:
    assert POLICY.classify(error) is failure


def test_every_row_is_tested() -> None:
    assert set(POLICY.rows) == {UnknownAttachment, UnknownNotification, ContentDiffers, WrongStatus}
