# ruff: noqa: INP001
"""Say at once what this machine lacks, then make the checkout's `.venv`; nothing but the standard library.

Python 3.6 must be able to read this file, to be told that it is too old: what needs 3.11 is in environment.py beside.
"""

import importlib
import os
import shutil
import signal
import sys

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def refuse(words: str) -> None:
    """End with a message for a person."""
    sys.exit("[hoso] " + words)


def check_machine() -> None:
    """End when the stack's servers cannot run here at all."""
    machine = os.uname()
    if machine.sysname != "Linux" or machine.machine != "x86_64":
        refuse(
            f"the local stack runs on Linux on x86-64 only, and this is {machine.sysname} on {machine.machine}: "
            "use a Linux machine or a virtual one"
        )
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        libc = None
    if not libc:
        refuse(
            "the local stack needs a Linux with glibc, and this one has another C library (Alpine's?): "
            "use Debian, Ubuntu, Fedora or the like, also as a container"
        )


def check_python() -> None:
    """End when this Python is too old, or cannot make virtual environments."""
    this = f"{sys.executable} is Python {sys.version.split()[0]}"
    if sys.version_info < OLDEST:
        found = [name for name in NEWER if shutil.which(name)]
        way = f"call make with PYTHON={found[0]}" if found else "install one and call make with PYTHON=/path/of/it"
        refuse(f"Python 3.11 or newer is needed, and {this}: {way}")
    try:
        for module in ("venv", "ensurepip"):
            importlib.import_module(module)
    except ImportError as error:
        refuse(
            f"{this} without the module {error.name or 'venv'}, so that it can make no virtual environment: install it "
            "(Debian, Ubuntu: apt install python3-venv), or call make with PYTHON=/path/of/another"
        )


def interrupted(*_: object) -> None:
    """Take SIGTERM and SIGHUP as Ctrl-C is taken."""
    raise KeyboardInterrupt


def main() -> None:
    """Check, then make `.venv` unless it is as it should be; with the argument `lock`, resolve the requirements."""
    check_machine()
    check_python()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupted)
    importlib.import_module("environment").main(sys.argv[1:])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.stderr.write("[hoso] interrupted while making .venv; run it again, it goes on where it stood\n")
        sys.exit(130)
