"""The cache that all checkouts share, `${XDG_CACHE_HOME:-~/.cache}/hoso`; it may not know what is kept in it."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache's folder, made if absent."""
    home = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(home) if home else Path.home() / ".cache") / "hoso"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
        folder.rename(final)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
