"""Tables with READ COMMITTED, row locks and savepoints, at the size of the chassis' statements; it parses no SQL."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

K = TypeVar("K")
Row = Any
"""A row is never changed in place: a new one takes its place."""


@dataclass(slots=True, eq=False)
class Slot:
    """The place of one key: what was committed, and what its one writer makes of it."""

    key: Any
    committed: Row = None
    owner: "Transaction | None" = None
    pending: Row = None
    is_written: bool = False


@dataclass(slots=True, eq=False)
class Table(Generic[K]):
    """Slots by key, in the order in which the keys came."""

    name: str
    slots: dict[K, Slot] = field(default_factory=dict[K, Slot])
    identity: int = 0

    def next_identity(self) -> int:
        """The next number of the identity column; never given back."""
        self.identity += 1
        return self.identity

    def slot(self, key: K) -> Slot:
        """The place of the key, also when nothing is there yet."""
        if (found := self.slots.get(key)) is None:
            found = self.slots[key] = Slot(key)
        return found

    def committed(self) -> dict[K, Row]:
        """What everybody sees."""
        return {key: slot.committed for key, slot in self.slots.items() if slot.committed is not None}

    def __getitem__(self, key: K) -> Row:
        return slot.committed if (slot := self.slots.get(key)) else None


Waiting = Generator["Transaction | None", None, Any]
"""A statement: it yields the transaction that it has to wait for, or None where others may come in between."""


@dataclass(slots=True, eq=False)
class Numbers:
    """The numbers of transactions: given when they first lock or write something, or ask for theirs."""

    next: int = 1
    open: list["Transaction"] = field(default_factory=list["Transaction"])

    def oldest_open(self) -> int:
        """pg_snapshot_xmin(): the lowest number that is still open, or the next one."""
        self.open = [one for one in self.open if not one.is_over]
        return self.open[0].number if self.open else self.next


@dataclass(slots=True, eq=False)
class Transaction:
    """What one transaction has locked and written.

    Attributes:
        now: what now() says in all of it.
        is_failed: a statement failed; only a rollback may follow.
    """

    name: str
    now: datetime
    numbers: Numbers = field(default_factory=Numbers)
    number: int = 0
    is_failed: bool = False
    is_over: bool = False
    changed: list[tuple[Table[Any], Slot]] = field(default_factory=list[tuple[Table[Any], Slot]])
    _undo: list[tuple[Table[Any], Slot, Any, Any, Any]] = field(
        default_factory=list[tuple[Table[Any], Slot, Any, Any, Any]]
    )

    def sees(self, slot: Slot | None) -> Row:
        """The row as this transaction sees it; None: there is none."""
        if slot is None:
            return None
        return slot.pending if slot.owner is self and slot.is_written else slot.committed

    def snapshot(self, table: Table[K]) -> dict[K, Row]:
        """All rows of a table that this transaction sees now."""
        return {key: row for key, slot in table.slots.items() if (row := self.sees(slot)) is not None}

    def is_free(self, slot: Slot) -> bool:
        """Whether nobody else has it locked."""
        return slot.owner is None or slot.owner is self

    def lock(self, table: Table[K], key: K) -> Generator["Transaction | None", None, Row]:
        """Wait for the row, lock it, and return it as it is then."""
        while not self.is_free(slot := table.slot(key)):
            assert slot.owner is not None
            yield slot.owner
        self._take(table, slot)
        return self.sees(slot)

    def write(self, table: Table[K], key: K, row: Row) -> Waiting:
        """Put a row in the place of the one that is there; None deletes."""
        yield from self.lock(table, key)
        slot = table.slot(key)
        self._undo.append((table, slot, slot.owner, slot.is_written, slot.pending))
        slot.is_written, slot.pending = True, row

    def insert_or_skip(self, table: Table[K], key: K, row: Row) -> Generator["Transaction | None", None, bool]:
        """ON CONFLICT DO NOTHING: waits for an insert of the same key that is not committed yet."""
        while self.sees(slot := table.slot(key)) is None:
            if self.is_free(slot):
                yield from self.write(table, key, row)
                return True
            assert slot.owner is not None
            yield slot.owner
        return False

    def numbered(self) -> int:
        """pg_current_xact_id()."""
        if not self.number:
            self.number = self.numbers.next
            self.numbers.next += 1
            self.numbers.open.append(self)
        return self.number

    def _take(self, table: Table[Any], slot: Slot) -> None:
        self.numbered()
        if slot.owner is None:
            self._undo.append((table, slot, None, False, None))
            slot.owner = self

    def savepoint(self) -> int:
        """A mark to roll back to."""
        return len(self._undo)

    def rollback_to(self, mark: int) -> None:
        """Undo what was written and locked since the mark."""
        while len(self._undo) > mark:
            table, slot, slot.owner, slot.is_written, slot.pending = self._undo.pop()
            _forget_empty(table, slot)

    def commit(self) -> None:
        """Show everybody what was written."""
        for table, slot in self._touched():
            if slot.is_written:
                slot.committed = slot.pending
                self.changed.append((table, slot))
            slot.owner, slot.is_written, slot.pending = None, False, None
            _forget_empty(table, slot)
        self.is_over = True

    def rollback(self) -> None:
        """Leave no trace."""
        self.rollback_to(0)
        self.is_over = True

    def _touched(self) -> Iterator[tuple[Table[Any], Slot]]:
        seen: set[int] = set()
        for table, slot, *_ in self._undo:
            if id(slot) not in seen:
                seen.add(id(slot))
                yield table, slot


def _forget_empty(table: Table[Any], slot: Slot) -> None:
    if slot.owner is None and slot.committed is None:
        table.slots.pop(slot.key, None)
