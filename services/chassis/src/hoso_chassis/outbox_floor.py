"""From which position the outbox need be read: below it are only dead index entries; it reads nothing itself."""

from dataclasses import dataclass
from time import monotonic
from typing import Final

_EVERYWHERE_SECONDS: Final = 5.0
_EVERYWHERE_SHARE: Final = 20  # of the time at most so small a part goes into looks at everything


@dataclass(slots=True)
class Floor:
    """The position below which everything was sent, as one leader knows it.

    Deleted rows stay in the index for as long as any old snapshot is open, and every look would walk over all of them.

    Order per key holds. Two rows of one key are announced under the same lock (of their aggregate, or of their
    stream), so the second takes its position after the first has committed. A row that commits late, below rows that
    were sent, therefore has no successor yet, but it may have one soon: the floor may not pass it. Who takes a position
    has by then locked something, and so has a transaction id. When every transaction that had an id at one look has
    ended by a later look, that later look has seen every row there will ever be below what the first one read: when
    what it read is sent, nothing is below. (Ids given out in between do not matter: they take positions above.)

    All the same everything is looked at every few seconds: whoever writes a row by hand need not know of this.
    """

    position: int = 0
    _is_everywhere: bool = False
    _everywhere_at: float = 0.0
    _began: float = 0.0
    _candidate: tuple[int, int] | None = None  # position, and the first transaction id that was not given out then
    _look: tuple[int, int, int] | None = None

    def begin(self) -> int:
        """Where this look begins: above this position."""
        self._began = monotonic()
        self._is_everywhere = self._began >= self._everywhere_at
        return 0 if self._is_everywhere else self.position

    def looked(self, last: tuple[int, int, int] | None) -> None:
        """Keep what a look has found.

        Args:
            last: position of the last row, the oldest transaction that ran, the first that had not begun; None: no row.
        """
        now = monotonic()
        if self._is_everywhere:
            self._everywhere_at = now + max(_EVERYWHERE_SECONDS, (now - self._began) * _EVERYWHERE_SHARE)
        self._look = last

    def sent(self) -> None:
        """Everything that the last look found was sent and deleted."""
        if self._look is None:
            return
        last, oldest_running, not_begun = self._look
        if self._candidate is not None and oldest_running >= self._candidate[1]:
            # Of what was read only a part need be below the candidate: nothing is above it that was passed over.
            self.position = max(self.position, min(self._candidate[0], last))
            self._candidate = None
        if self._candidate is None:
            self._candidate = (last, not_begun)

    def look_everywhere(self) -> None:
        """Rows of a topic that was set aside may be below."""
        self._everywhere_at = 0.0
        self.position = 0
        self._candidate = None
