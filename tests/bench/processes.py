"""Processor time of processes, from /proc; it starts and ends none."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_TICK_MS: Final = 1000 / os.sysconf("SC_CLK_TCK")
_UTIME, _STIME, _CUTIME, _CSTIME = 11, 12, 13, 14  # fields behind the name, from the state on


def own_cpu_ms(pid: int) -> float:
    """Milliseconds that a process itself has used so far."""
    fields = _stat(pid)
    return (int(fields[_UTIME]) + int(fields[_STIME])) * _TICK_MS


def cpu_ms(pid: int) -> float:
    """Milliseconds that a process, its living children and those that it has seen end have used so far."""
    total = 0
    for one in _tree(pid):
        try:
            fields = _stat(one)
        except OSError:
            continue  # it has ended: its parent has the time from now on
        total += int(fields[_UTIME]) + int(fields[_STIME]) + int(fields[_CUTIME]) + int(fields[_CSTIME])
    return total * _TICK_MS


def cpu_of_all(pids: Mapping[str, int]) -> dict[str, float]:
    """The same for several, by name."""
    return {name: cpu_ms(pid) for name, pid in pids.items()}


def resident_mb(pid: int) -> float:
    """Memory that it has now, in 10^6 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _tree(pid: int) -> Iterable[int]:
    yield pid
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
