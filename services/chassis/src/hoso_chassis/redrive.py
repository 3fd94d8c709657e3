"""A redrive: one dead letter through its group's own handler, in one transaction with its end; it never republishes."""

from dataclasses import dataclass, replace
from typing import Any, Final, Generic, Literal, TypeVar
from uuid import UUID

import orjson

from hoso_chassis import dead_letters, operator_actions, positions
from hoso_chassis.batch import Batches
from hoso_chassis.dead_letter_search import known_type
from hoso_chassis.dead_letters import DeadLetter, KeptLetter
from hoso_chassis.decoding import PassedOver, Taken, read
from hoso_chassis.faults import FaultCount
from hoso_chassis.inbound import Recalling
from hoso_chassis.operator_actions import Act
from hoso_chassis.policy import Failure, place
from hoso_chassis.postgres import Connection

A = TypeVar("A")
Outcome = Literal["done", "superseded", "failed-again", "passed-over", "purged", "locked", "gone"]
"""done: it had its effect · superseded: too late, removed without an effect · failed-again: kept, one attempt more ·
passed-over: nobody here listens to it, kept · purged: removed unread · locked: somebody else has it in hand ·
gone: no such letter any more."""

_TRIES: Final = 5  # a letter that meets another transaction is run again as it was
_MARKS: Final = "SELECT coalesce((SELECT max(position) FROM outbox), 0), coalesce((SELECT max(id) FROM work), 0)"
_FOLLOWING: Final = """
SELECT type FROM outbox WHERE position > $1 AND headers @> $3::jsonb
UNION ALL SELECT 'work ' || kind FROM work WHERE id > $2 AND causation_id = $4
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a letter, or what would.

    Attributes:
        letter: as it lay there; None when it was locked or gone.
        died: why it failed again.
        follows: at a dry run, types of the events and kinds of the work that would follow.
    """

    id: UUID
    outcome: Outcome
    letter: KeptLetter | None = None
    died: DeadLetter | None = None
    follows: tuple[str, ...] = ()


class _Unwanted(Exception):
    """A dry run ends here: what was done is rolled back."""

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Desk(Generic[A]):
    """Where an operator works on the letters of one group.

    Attributes:
        by: who acts; stands in the audit row.
        dry: nothing is kept, whatever was tried.
    """

    batches: Batches[A]
    by: str = ""
    dry: bool = False

    async def redrive(self, letter_id: UUID) -> Ended:
        """Run the letter's handler as a batch would; removes the letter, or keeps it with one attempt more.

        Raises:
            An error of `AWAY`: nothing is known of this letter's end; run again it is gone, or redriven.
        """
        return await self._act(letter_id, "redrive")

    async def purge(self, letter_id: UUID) -> Ended:
        """Remove the letter without running anything."""
        return await self._act(letter_id, "purge")

    async def _act(self, letter_id: UUID, command: Literal["redrive", "purge"]) -> Ended:
        for _ in range(_TRIES):
            try:
                async with self.batches.database.connection() as connection, connection.transaction():
                    ended = await self._ended(connection, letter_id, command)
                    if self.dry:
                        raise _Unwanted(ended)  # noqa: TRY301 - the way out of the transaction
            except _Unwanted as unwanted:
                return unwanted.ended
            except Exception as error:
                if self.batches.policy.classify(error) is not Failure.CONFLICT:
                    raise
            else:
                return ended
        return Ended(letter_id, "locked")

    async def _ended(self, connection: Connection, letter_id: UUID, command: Literal["redrive", "purge"]) -> Ended:
        letter = await dead_letters.take(connection, self.batches.group, letter_id)
        if letter is None:
            is_there = await dead_letters.find(connection, self.batches.group, letter_id)
            return Ended(letter_id, "locked" if is_there else "gone")
        ended = Ended(letter_id, "purged", letter) if command == "purge" else await self._run(connection, letter)
        if ended.outcome == "passed-over":
            return ended
        if ended.died is not None:
            await dead_letters.put_back(connection, letter, ended.died)
        else:
            await dead_letters.remove(connection, letter)
        told = (str(letter.id), known_type(letter.type), letter.reason, letter.origin, ended.outcome)
        await operator_actions.note(connection, Act(self.by, f"dead-letters {command}", *told))
        return ended

    async def _run(self, connection: Connection, letter: KeptLetter) -> Ended:
        """Between two batches of its partition, so that it meets neither an aggregate half-made nor a later event."""
        await positions.hold(connection, self.batches.group, (letter.record.topic, letter.record.partition))
        item = read(letter.record, self.batches.inbound)
        if isinstance(item, DeadLetter):
            return Ended(letter.id, "failed-again", letter, item)
        if isinstance(item, PassedOver):
            return Ended(letter.id, "passed-over", letter)
        return await self._handle(connection, letter, item)

    async def _handle(self, connection: Connection, letter: KeptLetter, item: Taken[A]) -> Ended:
        marks = await connection.fetchrow(_MARKS)
        is_new = bool(await self.batches.fresh(connection, [item]))
        if not (is_new or letter.taken_in):
            return Ended(letter.id, "superseded", letter)  # another delivery of the same event was taken in since
        try:
            is_late = await self._is_late(connection, item)
        except Exception as error:
            if self.batches.policy.classify(error) is not Failure.BUG:
                raise
            died = DeadLetter(item.record, item.envelope.type, "handler-failed", place(error))
            return Ended(letter.id, "failed-again", letter, died)
        if is_late:
            return Ended(letter.id, "superseded", letter)
        # A count of its own that nobody keeps: an operator's tries are no faults in a row of the consumer.
        dead = await self.batches.apart(connection, [item], FaultCount(self.batches.group))
        if dead:
            return Ended(letter.id, "failed-again", letter, dead[0])
        ended = Ended(letter.id, "done", letter)
        return replace(ended, follows=await self._follows(connection, item, marks)) if self.dry else ended

    async def _is_late(self, connection: Connection, item: Taken[A]) -> bool:
        """Whether the aggregate has moved past the event, as its handler was registered to judge."""
        if item.route.superseded is None:
            return False
        store = self.batches.store
        aggregate = (await store.load(connection, [item.aggregate_id])).get(item.aggregate_id)
        if aggregate is None:
            return False  # the handler's own path says what that means
        if isinstance(store, Recalling):
            await store.recall(connection, item.event, aggregate)
        return item.route.superseded(item.event, aggregate)

    async def _follows(self, connection: Connection, item: Taken[A], marks: Any) -> tuple[str, ...]:
        cause = orjson.dumps([["ce_causationid", str(item.envelope.id)]]).decode()
        rows = await connection.fetch(_FOLLOWING, *marks, cause, item.envelope.id)
        return tuple(sorted(row[0] for row in rows))
