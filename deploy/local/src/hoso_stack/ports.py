"""Ports of the stack's parts: free ones, or counted up from a base.

Free ones are taken below those that the kernel gives to outgoing connections, and are promised to one stack of this
account at a time: between the choice and the start of a part, and while one is restarted, nobody listens on them.
"""

import fcntl
import os
import random
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hoso_stack.cache import cache_folder

LOWEST: Final = 1024
HIGHEST: Final = 65_000
LOWEST_FREE: Final = 10_000
ENOUGH: Final = 2_000
OUTGOING: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_promised: list[int] = []  # a file that is open, and with it locked, for as long as this process lives


class PortTaken(Exception):
    """A port that the stack was told to use is in use by something else."""


def wished_base(offset: int = 0) -> int | None:
    """The first port that a person wants the stack to have; None: any.

    Raises:
        PortTaken: HOSO_PORT_BASE is no port that a stack's ports can begin with.
    """
    wished = os.environ.get("HOSO_PORT_BASE")
    if not wished:
        return None
    if not wished.isdecimal() or not LOWEST <= int(wished) <= HIGHEST:
        raise PortTaken(
            f"HOSO_PORT_BASE must be a number from {LOWEST} to {HIGHEST}: set it so, or unset it for free ports"
        )
    return int(wished) + offset


def choose(names: Sequence[str], base: int | None = None) -> dict[str, int]:
    """One port a name; they stay the same for as long as the stack runs, also when a part is restarted.

    Args:
        names: in the order in which they are counted up from `base`.
        base: None takes free ones.

    Raises:
        PortTaken: a port counted up from `base` is not free, or nearly none is.
    """
    if base is None:
        free = (port for port in _candidates() if not in_use(port) and _promise(port))
        ports = dict(zip(names, free, strict=False))
        if len(ports) < len(names):
            raise PortTaken("too few ports are free on this machine: `ss -ltnp` shows who has them")
        return ports
    ports = {name: base + number for number, name in enumerate(names)}
    for name, port in ports.items():
        if in_use(port):
            raise PortTaken(
                f"port {port} for {name} is in use; stop what uses it (`ss -ltnp 'sport = :{port}'` shows it), "
                "or choose another HOSO_PORT_BASE, or none at all: then free ports are found"
            )
    return ports


def in_use(port: int) -> bool:
    """Whether a part could not listen there now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _candidates() -> list[int]:
    """Ports to try, in an order that another stack does not have."""
    end = int(OUTGOING.read_text().split()[0]) if OUTGOING.is_file() else 0
    return random.sample(range(LOWEST_FREE, end if end > LOWEST_FREE + ENOUGH else HIGHEST), ENOUGH)


def _promise(port: int) -> bool:
    """Lock the port's byte of a file in the cache, until this process ends; True when no other has it."""
    try:
        if not _promised:
            _promised.append(os.open(cache_folder() / "ports.lock", os.O_WRONLY | os.O_CREAT, 0o644))
        fcntl.lockf(_promised[0], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    except OSError:  # a cache that cannot be written: the ports are as good as promised
        return True
    return True
