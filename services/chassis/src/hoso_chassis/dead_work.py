"""Work that was given up or waits too long: its outside is shown, dead rows live again; payload and key stay inside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from hoso_chassis import operator_actions
from hoso_chassis.database import Database
from hoso_chassis.operator_actions import Act
from hoso_chassis.policy import Failure, Policy
from hoso_chassis.postgres import Connection, Row
from hoso_chassis.work import Kind

RetryOutcome = Literal["retried", "may-have-happened", "unreadable", "no-such-kind", "not-dead", "locked"]
"""retried: live again · may-have-happened: at most once, and nobody knows whether it was done: left dead · unreadable:
its payload is not what this program reads: left dead · no-such-kind: none of this program's · not-dead: live, or gone ·
locked: somebody else has it in hand."""

_SEARCH: Final = """
SELECT id, kind, state, attempts, extract(epoch FROM now() - created_at)::bigint, last_error, subject, died_at
FROM work
WHERE ($1::text[] IS NULL OR kind = ANY($1)) AND (state = 'dead' OR created_at < now() - $2::interval)
ORDER BY id LIMIT $3
"""
_TAKE: Final = """
SELECT id, kind, subject, payload, last_error FROM work WHERE id = $1 AND state = 'dead' FOR UPDATE SKIP LOCKED
"""
_IS_DEAD: Final = "SELECT EXISTS (SELECT FROM work WHERE id = $1 AND state = 'dead')"
# In its old place among the rows of its key; due now, never earlier (see work_floors.py).
# The attempts go on: a worker that was frozen since an old claim knows it by their number.
_REVIVE: Final = """
UPDATE work SET state = 'ready', lost_claims = 0, lease_until = NULL, died_at = NULL,
                run_at = clock_timestamp(), expires_at = now() + $2
WHERE id = $1
"""
# Given up before the call, or answered with a no: surely not done.
_SURELY_NOT_DONE: Final = frozenset({"expired", "refused", "unreadable"})


@dataclass(frozen=True, slots=True)
class Stuck:
    """What may be shown of a row. `age_seconds`: since it was enqueued."""

    id: int
    kind: str
    state: str
    attempts: int
    age_seconds: int
    last_error: str | None
    subject: UUID
    died_at: datetime | None


async def search(
    connection: Connection, kinds: Sequence[str] | None, older_than: timedelta, limit: int
) -> Sequence[Stuck]:
    """At most `limit` rows that are dead, or were enqueued longer ago than that; the oldest first."""
    return [Stuck(*row) for row in await connection.fetch(_SEARCH, kinds, older_than, limit)]


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a row, or would."""

    id: int
    outcome: RetryOutcome
    kind: str | None = None
    last_error: str | None = None


class _Unwanted(Exception):
    """A dry run ends here: what was done is rolled back."""


@dataclass(slots=True)
class Revival:
    """Makes dead rows live again, one transaction a row.

    Attributes:
        by: who acts; stands in the audit row.
        even_unknown: also at-most-once work that may have been done: it may happen twice.
        dry: nothing is kept.
    """

    database: Database
    kinds: Iterable[Kind[Any, Any, Any]]
    by: str = ""
    even_unknown: bool = False
    dry: bool = False
    _by_name: dict[str, Kind[Any, Any, Any]] = field(default_factory=dict[str, Kind[Any, Any, Any]])

    def __post_init__(self) -> None:
        self._by_name = {kind.name: kind for kind in self.kinds}

    async def retry(self, job: int) -> Retried:
        """Make a dead row due now, with an age as if new; raises an error of `AWAY`."""
        retried = Retried(job, "locked")
        try:
            async with self.database.connection() as connection, connection.transaction():
                retried = await self._retried(connection, job)
                if self.dry:
                    raise _Unwanted  # noqa: TRY301 - the way out of the transaction
        except _Unwanted:
            return retried
        except Exception as error:
            if Policy().classify(error) is not Failure.CONFLICT:
                raise
        return retried

    async def _retried(self, connection: Connection, job: int) -> Retried:
        row = await connection.fetchrow(_TAKE, job)
        if row is None:
            return Retried(job, "locked" if await connection.fetchval(_IS_DEAD, job) else "not-dead")
        outcome = self._outcome(row)
        if outcome == "retried":
            await connection.execute(_REVIVE, job, self._by_name[row["kind"]].max_age)
            told = (str(job), row["kind"], row["last_error"], str(row["subject"]), outcome)
            await operator_actions.note(connection, Act(self.by, "work retry", *told))
        return Retried(job, outcome, row["kind"], row["last_error"])

    def _outcome(self, row: Row) -> RetryOutcome:
        kind = self._by_name.get(row["kind"])
        if kind is None:
            return "no-such-kind"
        if kind.at_most_once and row["last_error"] not in _SURELY_NOT_DONE and not self.even_unknown:
            return "may-have-happened"
        try:
            kind.payload.model_validate_json(row["payload"])
        except ValueError:
            return "unreadable"
        return "retried"
