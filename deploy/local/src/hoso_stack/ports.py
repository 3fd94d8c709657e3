"""Ports of the stack's parts: free ones, or counted up from HOSO_PORT_BASE."""

import os
import socket
from collections.abc import Sequence


class PortTaken(Exception):
    """A port that the stack was told to use is in use by something else."""


def choose(names: Sequence[str]) -> dict[str, int]:
    """One port a name; they stay the same for as long as the stack runs, also when a part is restarted.

    Raises:
        PortTaken: HOSO_PORT_BASE is set and one of its ports is not free.
    """
    base = os.environ.get("HOSO_PORT_BASE")
    held: list[socket.socket] = []
    ports: dict[str, int] = {}
    try:
        for number, name in enumerate(names):
            wanted = int(base) + number if base else 0
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
