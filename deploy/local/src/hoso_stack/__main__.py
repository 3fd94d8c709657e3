"""Entry of `python -m hoso_stack`: whatever ends a command, a person reads one line, and nothing goes on behind it."""

import errno
import os
import signal
import sys
from typing import NoReturn

from hoso_stack.progress import fresh_line

WAYS = {
    errno.EACCES: "; if another account (root?) made it, let that account run `make down` and `make clean`",
    errno.EROFS: "; set XDG_CACHE_HOME to a folder that can be written, or work on a checkout that can",
    errno.ENOSPC: "; delete something on that disk, and run the same again",
    errno.EDQUOT: "; delete something of this account's on that disk, and run the same again",
}
WAYS[errno.EPERM] = WAYS[errno.EACCES]
INTERRUPTED = 128 + signal.SIGINT


def leave(words: str, code: int = 1) -> NoReturn:
    """Say why, and end now: a thread that waits for a download would hold an ordinary end up."""
    sys.stdout.flush()
    sys.stderr.write(f"{fresh_line()}[hoso] {words}\n")
    sys.stderr.flush()
    os._exit(code)


def interrupt(*_: object) -> None:
    """Take SIGTERM and SIGHUP as Ctrl-C is taken."""
    signal.raise_signal(signal.SIGINT)


def in_words(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    names = [f"{name}" for name in (error.filename, error.filename2) if name]
    where = f": {' and '.join(names)}" if names else ""
    return f"{error.strerror or error}{where}{WAYS.get(error.errno or 0, '')}"


def main() -> None:
    """Do what the command line says; a failure is its message and a status that is not 0."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, interrupt)
    try:
        from hoso_stack.commands import FAILURES, run  # noqa: PLC0415 - takes a second, in which Ctrl-C may come

        try:
            run(sys.argv[1:])
        except FAILURES as error:
            leave(str(error))
    except OSError as error:
        leave(in_words(error))
    except KeyboardInterrupt:
        leave("interrupted; nothing of it runs any more", INTERRUPTED)


if __name__ == "__main__":
    main()
