"""The chassis' own table of failures: what the database does is no fault of a record."""

import asyncpg
import pytest

from hoso_chassis.policy import Failure, Policy
from hoso_chassis.positions import PartitionLost
from hoso_contracts.errors import BadRecord


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (asyncpg.CannotConnectNowError("starting up"), Failure.TRANSIENT),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle"), Failure.TRANSIENT),
        (asyncpg.InternalClientError("closed at a moment that the driver did not think of"), Failure.TRANSIENT),
        (asyncpg.QueryCanceledError("statement timeout"), Failure.TRANSIENT),
        (asyncpg.ReadOnlySQLTransactionError("a standby"), Failure.TRANSIENT),
        (asyncpg.DiskFullError("no space left"), Failure.TRANSIENT),
        (asyncpg.DeadlockDetectedError("deadlock"), Failure.CONFLICT),
        (PartitionLost("somebody else"), Failure.LOST),
        (BadRecord("no CloudEvent"), Failure.PERMANENT),
        (asyncpg.UniqueViolationError("twice"), Failure.BUG),
        (ValueError("ours"), Failure.BUG),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.value,
)
def test_a_failure_forces_one_decision(error: Exception, failure: Failure) -> None:
    assert Policy().classify(error) is failure
