"""Imports the modules named on its command line and prints what happened that no import may do, as JSON.

Each finding is [module imported, what was done, package that did it]. Of the environment only what our own modules read
is told, also by what they call; what a library reads at its own import is its own affair.
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

_FORBIDDEN = {
    "os.exec": "starts a program",
    "os.fork": "starts a program",
    "os.posix_spawn": "starts a program",
    "os.system": "starts a program",
    "socket.__new__": "opens a socket",
    "socket.getaddrinfo": "asks for an address",
    "subprocess.Popen": "starts a program",
}
found: set[tuple[str, str, str]] = set()
importing: str | None = None


def _packages() -> Iterator[str]:
    """Packages of the frames from the inside out; "importlib" stands where an import began."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        is_import = frame.f_code.co_filename.startswith("<frozen importlib")
        yield "importlib" if is_import else str(frame.f_globals.get("__name__")).partition(".")[0]
        frame = frame.f_back


def _note(what: str) -> None:
    libraries = (name for name in _packages() if name not in {*sys.stdlib_module_names, "__main__"})
    if importing is not None:
        found.add((importing, what, next(libraries, "python")))


def _watch(event: str, _arguments: tuple[object, ...]) -> None:
    if event in _FORBIDDEN:
        _note(_FORBIDDEN[event])


def _read() -> None:
    for name in _packages():
        if name == "importlib":
            return
        if name.startswith("hoso_"):
            _note("reads the environment")
            return


class _Watched(os._Environ[str]):
    """The environment, with a note of who reads it."""

    def __getitem__(self, key: str) -> str:
        _read()
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        _read()
        return super().__iter__()


def main() -> None:
    """Watch, import, tell."""
    global importing  # noqa: PLW0603  # an audit hook takes no argument of ours
    real = os.environ
    os.environ = _Watched(real._data, real.encodekey, real.decodekey, real.encodevalue, real.decodevalue)  # type: ignore[attr-defined]  # noqa: B003
    # Python 3.11 audits no thread.
    start_new_thread = cast("Callable[..., int]", threading._start_new_thread)  # type: ignore[attr-defined]

    def start(*arguments: Any) -> int:
        _note("starts a thread")
        return start_new_thread(*arguments)

    threading._start_new_thread = start  # type: ignore[attr-defined]
    sys.addaudithook(_watch)
    for importing in sys.argv[1:]:
        importlib.import_module(importing)
    importing = None
    json.dump(sorted(found), sys.stdout)


if __name__ == "__main__":
    main()
