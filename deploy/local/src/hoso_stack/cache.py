"""The cache that all checkouts share, `${XDG_CACHE_HOME:-~/.cache}/hoso`; it may not know what is kept in it.

An entry is a folder that appears in one step, whole; beside it lies what it weighs, so that one which a full disk or a
power cut has cut short is made anew instead of failing later, elsewhere.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path


class DiskFull(Exception):
    """A disk has not the room for what is about to be made; the message says where, how much, and what to do."""


def cache_folder() -> Path:
    """Return the cache's folder, made if absent; a relative XDG_CACHE_HOME counts for nothing (its specification)."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = (home if home.is_absolute() else Path.home() / ".cache") / "hoso"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def check_room(folder: Path, megabytes: int, what: str) -> None:
    """Refuse to begin what the disk could not hold.

    Raises:
        DiskFull: fewer megabytes are free.
    """
    free = free_megabytes(folder)
    if free < megabytes:
        raise DiskFull(
            f"{what} needs {megabytes} MB below {folder}, and its disk has {free} MB free: delete something there, "
            "or, for the cache, set XDG_CACHE_HOME to a folder on another disk"
        )


def free_megabytes(folder: Path) -> int:
    """What may still be written below a folder."""
    return shutil.disk_usage(folder).free // 1_000_000


@contextmanager
def locked(name: str, waiting: Callable[[], None] = lambda: None) -> Generator[None]:
    """Hold the lock of that name; another process that wants the same thing says so, waits, and then finds it made."""
    folder = cache_folder() / "locks"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def making(final: Path) -> Generator[Path]:
    """Give an empty folder that becomes `final` in one step, or vanishes when the block raises.

    What a killed run left behind is removed first: the caller holds the lock, so nobody is working in it.
    """
    for stale in final.parent.glob(f"making-{final.name}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(dir=final.parent, prefix=f"making-{final.name}-"))
    folder.chmod(0o755)
    try:
        yield folder
        weighed = weigh(folder)
        with suppress(FileNotFoundError):  # a damaged one gives way only now: a stack that runs may still read in it
            final.rename(folder.with_name(f"{folder.name}-before"))
        folder.rename(final)
        weight_file(final).write_text(weighed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder.with_name(f"{folder.name}-before"), ignore_errors=True)


def weight_file(final: Path) -> Path:
    """Where the weight of an entry is kept."""
    return final.with_name(f"{final.name}.weight")


def weigh(folder: Path) -> str:
    """How many files a folder holds, and how many bytes they have."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()]
    return f"{len(sizes)} files, {sum(sizes)} bytes"


def whole(final: Path) -> bool:
    """Whether an entry is there, and as it was when it was made."""
    mark = weight_file(final)
    return final.is_dir() and mark.is_file() and mark.read_text() == weigh(final)


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
