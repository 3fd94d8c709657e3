"""Tells a person what a start is waiting for: one line that is rewritten on a terminal, few lines elsewhere."""

import os
import shutil
import sys
import time
from threading import Lock
from typing import Final

QUIET_SECONDS: Final = 10.0  # between two lines where nothing can be rewritten


def fresh_line() -> str:
    """What takes away a line that is rewritten, before other words; nothing where no line can be."""
    can = sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")
    return "\r\x1b[K" if can else ""


class Abandoned(Exception):
    """What is being made is no longer wanted: the person interrupted, or something beside it failed."""


class Progress:
    """What several threads are doing, as one line."""

    def __init__(self) -> None:
        self._doing: dict[str, str] = {}
        self._lock = Lock()
        self._told = 0.0
        self._rewrite = bool(fresh_line())
        self._shown = ""
        self._abandoned = False

    def show(self, who: str, what: str) -> None:
        """`who` does `what` now; "" ends it.

        Raises:
            Abandoned: it need not go on.
        """
        if what and self._abandoned:
            raise Abandoned
        with self._lock:
            if what:
                self._doing[who] = what
            else:
                self._doing.pop(who, None)
            line = " · ".join(f"{name}: {words}" for name, words in self._doing.items())
            if self._rewrite:
                shown = line[: shutil.get_terminal_size().columns - 1]
                if shown != self._shown:
                    self._shown = shown
                    sys.stderr.write(f"{fresh_line()}{shown}")
                    sys.stderr.flush()
            elif line and time.monotonic() - self._told > QUIET_SECONDS:
                self._told = time.monotonic()
                sys.stderr.write(f"[hoso] {line}\n")
                sys.stderr.flush()

    def abandon(self) -> None:
        """Tell everyone who shows something that it is in vain."""
        self._abandoned = True

    def say(self, words: str) -> None:
        """A line that stays."""
        with self._lock:
            self._shown = ""
            sys.stderr.write(f"{fresh_line()}[hoso] {words}\n")
            sys.stderr.flush()
