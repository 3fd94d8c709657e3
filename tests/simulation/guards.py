"""The guards of the chassis, each with a way to switch it off: what a schedule must find, or it proves nothing."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from hoso_chassis import acknowledged, claims, inbox, lease, performer, positions, sending
from hoso_chassis.batch import Batches
from hoso_chassis.consumer import Consumer
from hoso_chassis.read_back import ReadBack
from hoso_chassis.subscription import record_of
from simulation import relay_statements, statements, work_statements
from simulation.answers import Answer, Steps
from simulation.rows import Transaction
from simulation.tables import Tables


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard.

    Attributes:
        off: makes the patches that switch it off.
        is_quick: some dozens of schedules find it; others need thousands.
    """

    name: str
    off: Callable[[], Sequence[Any]]
    is_quick: bool = True


@contextmanager
def switched_off(guard: Guard) -> Generator[None]:
    """Run the block without the guard."""
    patches = guard.off()
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()


def _advance_from_anywhere(db: Tables, tx: Transaction, group: str, *columns: Any) -> Steps:
    for topic, number, _, following in zip(*columns, strict=True):
        yield from tx.write(db.positions, (group, topic, number), following)
    return Answer(f"UPDATE {len(columns[0])}")


def _statement(query: str, instead: Any) -> Callable[[], Sequence[Any]]:
    return lambda: [patch.dict(statements.STATEMENTS, {query: instead})]


async def _all_new(_: Any, events: Sequence[Any]) -> list[bool]:
    return [True] * len(events)


def _whole_batch_or_nothing() -> Sequence[Any]:
    async def apart(self: Any, connection: Any, items: Any, count: Any) -> Any:
        return await self._together(connection, items, count)

    return [patch.object(Batches, "apart", apart)]


def _call_resumed_work_again() -> Sequence[Any]:
    return [patch.object(claims.Job, "resumed", property(lambda _: False))]


def _take_whatever_was_fetched() -> Sequence[Any]:
    async def take(self: Any, records: Any) -> None:
        async with self._in_hand:
            try:
                await self._take_in_hand([record_of(record) for record in records])
            except Exception as error:  # noqa: BLE001 - as the consumer does
                self._give_back(error)

    return [patch.object(Consumer, "_take", take)]


def _shut_nobody_out() -> Sequence[Any]:
    own = sending.open_producer

    def open_producer(servers: str, source: str) -> Any:
        producer: Any = own(servers, source)
        producer.name += str(id(producer))
        return producer

    return [patch.object(sending, "open_producer", open_producer)]


def _read_nothing_back() -> Sequence[Any]:
    async def step(_: Any) -> bool:
        return True

    return [patch.object(ReadBack, "step", step)]


def _let_no_other_come() -> Sequence[Any]:
    async def promote(*_: Any) -> None:
        return

    return [patch.object(performer, "promote", promote)]


GUARDS: Final[tuple[Guard, ...]] = (
    Guard("a position moves only from where it is expected", _statement(positions._ADVANCE, _advance_from_anywhere)),
    Guard("the inbox drops what it knows", lambda: [patch.object(inbox, "add", _all_new)]),
    Guard("a batch that cannot be written is taken apart", _whole_batch_or_nothing),
    Guard(
        "who has slept while it read back keeps nothing of it",
        _statement(lease._HELD, relay_statements.require_no_lease),
        is_quick=False,
    ),
    Guard("only the head of a key is claimed", _statement(claims._CLAIM, work_statements.claim_whatever_its_key)),
    Guard("work that is done at most once is not called again", _call_resumed_work_again),
    Guard("a new producer shuts out the one before", _shut_nobody_out),
    Guard("who takes the lead reads back what was sent", _read_nothing_back),
    Guard("who ends the head of a key lets the next one come", _let_no_other_come),
)
# Some hundreds of schedules found nothing without these: others stand behind them, or the moment is too rare.
NOT_FOUND_YET: Final[tuple[Guard, ...]] = (
    Guard(
        "who deletes what was sent holds the lease",
        _statement(acknowledged._SENT, relay_statements.keep_sent_of_anybody),
    ),
    Guard("only the last claim settles", _statement(claims._SETTLE, work_statements.settle_whosever_claim)),
    Guard("a claim that lapsed makes no call", lambda: [patch.object(performer, "_BEGIN_SECONDS", 1e9)]),
    Guard("what was fetched before partitions moved is dropped", _take_whatever_was_fetched),
)
