"""Ports of the stack's parts: free ones, or counted up from a base."""

import os
import socket
from collections.abc import Sequence
from typing import Final

LOWEST: Final = 1024
HIGHEST: Final = 65_000


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
        raise PortTaken(f"HOSO_PORT_BASE must be a number from {LOWEST} to {HIGHEST}")
    return int(wished) + offset


def choose(names: Sequence[str], base: int | None = None) -> dict[str, int]:
    """One port a name; they stay the same for as long as the stack runs, also when a part is restarted.

    Args:
        names: in the order in which they are counted up from `base`.
        base: None takes free ones.

    Raises:
        PortTaken: a port counted up from `base` is not free.
    """
    held: list[socket.socket] = []
    ports: dict[str, int] = {}
    try:
        for number, name in enumerate(names):
            wanted = base + number if base else 0
            held.append(_listening(name, wanted))
            ports[name] = held[-1].getsockname()[1]
    finally:
        for one in held:
            one.close()
    return ports


def _listening(name: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise PortTaken(
            f"port {port} for {name} is in use; stop what uses it, or choose another HOSO_PORT_BASE, or none at all"
        ) from None
    return listener
