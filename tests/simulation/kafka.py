"""A simulated broker: logs that show what was committed, and transactions that a newer producer breaks off."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from aiokafka.errors import ProducerFenced

from simulation.loop import SimulatedLoop

TRANSACTION_SECONDS: Final = 15.0


class Logged(NamedTuple):
    """A record as a client reads it; `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(slots=True, eq=False)
class Entry:
    """One offset of a log. `state`: open, committed, aborted, or marker."""

    record: Logged
    state: str = "committed"


@dataclass(slots=True, eq=False)
class Log:
    """One partition."""

    topic: str
    number: int
    entries: list[Entry] = field(default_factory=list[Entry])

    @property
    def end(self) -> int:
        """The offset that the next record gets."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """Up to here nothing is undecided."""
        return next((offset for offset, entry in enumerate(self.entries) if entry.state == "open"), self.end)

    def append(self, value: tuple[bytes | None, bytes | None, Any], now: float, state: str = "committed") -> Entry:
        """Add a record, or what takes an offset without being one."""
        record = Logged(self.topic, self.number, self.end, int(now * 1000), *value)
        self.entries.append(Entry(record, state))
        return self.entries[-1]

    def committed(self) -> Iterator[Logged]:
        """The records, in their order."""
        return (entry.record for entry in self.entries if entry.state == "committed")


@dataclass(slots=True, eq=False)
class Producing:
    """What the broker knows of one transactional id."""

    epoch: int = 0
    open: list[Entry] = field(default_factory=list[Entry])
    began: float | None = None


@dataclass(slots=True, eq=False)
class Broker:
    """All partitions. `committed` is told of what becomes visible."""

    loop: SimulatedLoop
    partitions: int
    committed: Callable[[Sequence[Logged]], None] = lambda _: None
    logs: dict[tuple[str, int], Log] = field(default_factory=dict[tuple[str, int], Log])
    appended: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    _producing: dict[str, Producing] = field(default_factory=dict[str, Producing])

    def log(self, topic: str, number: int) -> Log:
        """One partition's log."""
        if (found := self.logs.get((topic, number))) is None:
            found = self.logs[topic, number] = Log(topic, number)
        return found

    def tell_readers(self) -> None:
        """Somebody may read on."""
        waiting, self.appended = self.appended, []
        for wake in waiting:
            wake()

    def begin_epoch(self, name: str) -> int:
        """InitProducerId: shut out whoever had the name, and abort what was open."""
        producing = self._producing.setdefault(name, Producing())
        producing.epoch += 1
        self._end(producing, commit=False)
        return producing.epoch

    def append(self, name: str, epoch: int, topic: str, number: int, records: Sequence[Any]) -> int:
        """Take records into the open transaction; the offset of the first.

        Raises:
            ProducerFenced: somebody newer has the name.
        """
        producing = self._known(name, epoch)
        if producing.began is None:
            producing.began = self.loop.now
            self.loop.serve(TRANSACTION_SECONDS, self._expire, producing, self.loop.now)
        log = self.log(topic, number)
        first = log.end
        producing.open += [log.append(record, self.loop.now, "open") for record in records]
        return first

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """EndTxn."""
        self._end(self._known(name, epoch), commit=commit)

    def _known(self, name: str, epoch: int) -> Producing:
        producing = self._producing[name]
        if producing.epoch != epoch:
            raise ProducerFenced
        return producing

    def _expire(self, producing: Producing, began: float) -> None:
        if producing.began == began:
            producing.epoch += 1
            self._end(producing, commit=False)

    def _end(self, producing: Producing, *, commit: bool) -> None:
        entries, producing.open, producing.began = producing.open, [], None
        for entry in entries:
            entry.state = "committed" if commit else "aborted"
        for topic, number in dict.fromkeys((entry.record.topic, entry.record.partition) for entry in entries):
            self.log(topic, number).append((None, None, ()), self.loop.now, "marker")
        if commit and entries:
            self.committed([entry.record for entry in entries])
        self.tell_readers()
