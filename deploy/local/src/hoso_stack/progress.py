"""Tells a person what a start is waiting for: one line that is rewritten on a terminal, few lines elsewhere."""

import shutil
import sys
import time
from threading import Lock
from typing import Final

QUIET_SECONDS: Final = 10.0  # between two lines where nothing can be rewritten


class Progress:
    """What several threads are doing, as one line."""

    def __init__(self) -> None:
        self._doing: dict[str, str] = {}
        self._lock = Lock()
        self._told = 0.0
        self._rewrite = sys.stderr.isatty()

    def show(self, who: str, what: str) -> None:
        """`who` does `what` now; "" ends it."""
        with self._lock:
            if what:
                self._doing[who] = what
            else:
                self._doing.pop(who, None)
            line = " · ".join(f"{name}: {words}" for name, words in self._doing.items())
            if self._rewrite:
                width = shutil.get_terminal_size().columns - 1
                sys.stderr.write(f"\r\x1b[K{line[:width]}")
                sys.stderr.flush()
            elif line and time.monotonic() - self._told > QUIET_SECONDS:
                self._told = time.monotonic()
                sys.stderr.write(f"[hoso] {line}\n")
                sys.stderr.flush()

    def say(self, words: str) -> None:
        """A line that stays."""
        with self._lock:
            sys.stderr.write(f"\r\x1b[K[hoso] {words}\n" if self._rewrite else f"[hoso] {words}\n")
            sys.stderr.flush()
