"""A disk of some megabytes for tests, mounted by system call: a bare machine need not have the program `mount`."""

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MNT_DETACH: Final = 2  # mount.h: let go at once, also while something is open there
_CHUNK: Final = bytes(65_536)


@dataclass(frozen=True, slots=True)
class Disk:
    """A small disk.

    Attributes:
        folder: where it is mounted.
    """

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> int:
        """Take every octet that is free now; returns how many that were."""
        taken = 0
        with self._ballast.open("ab", buffering=0) as file:
            for size in (len(_CHUNK), 4096):
                try:
                    while wrote := file.write(_CHUNK[:size]):
                        taken += wrote
                except OSError:
                    continue  # no room for so much: try with less
        return taken

    def empty(self) -> None:
        """Give all of it back."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(folder: Path, megabytes: int) -> Generator[Disk | None]:
    """A disk of so many megabytes at `folder`, which is made; None where this machine lets nobody mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    libc, place = ctypes.CDLL(None), bytes(folder)
    if os.geteuid() != 0 or libc.mount(b"tmpfs", place, b"tmpfs", 0, f"size={megabytes}m".encode()):
        yield None
        return
    try:
        yield Disk(folder)
    finally:
        assert libc.umount2(place, MNT_DETACH) == 0
        folder.rmdir()
