"""Pairs of ours and the limit, one after the other, and the file they end in; it knows nothing of what is measured."""

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAIRS: Final = 6  # of which the first is dropped


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side.

    Attributes:
        units: how many things were done.
        seconds: from the first to the last of them.
        cpu_ms: what each process used for one of them.
        more: what else was seen, such as memory.
    """

    units: int
    seconds: float
    cpu_ms: Mapping[str, float] = field(default_factory=dict[str, float])
    more: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def rate(self) -> float:
        """Units per second."""
        return self.units / self.seconds


Side = Callable[[], Awaitable[Run]]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and what it must reach.

    Attributes:
        what: what the limit does.
        must, dream: of the ratio of ours to the limit.
        is_cost: the values are costs: less is better, and the ratio may be that much at most.
    """

    name: str
    unit: str
    what: str
    must: float
    dream: float
    is_cost: bool = False
    conditions: str = ""


def result(
    bench: Bench, ours: Sequence[Run], limit: Sequence[Run], values: tuple[Sequence[float], Sequence[float]]
) -> dict[str, Any]:
    """The content of out/bench/<name>.json."""
    ratios = [one / other for one, other in zip(*values, strict=True)]
    return {
        "name": bench.name,
        "unit": bench.unit,
        "ours": _spread(values[0]),
        "limit": _spread(values[1]) | {"what": bench.what},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios],
        "must": bench.must,
        "dream": bench.dream,
        "cpu_ms": _medians([run.cpu_ms for run in ours]),
        "limit_cpu_ms": _medians([run.cpu_ms for run in limit]),
        "more": _medians([run.more for run in ours]),
        "machine": machine(),
        "commit": commit(),
        "conditions": bench.conditions,
    }


async def alternate(bench: Bench, ours: Side, limit: Side, pairs: int = PAIRS) -> dict[str, Any]:
    """Run both sides in turn, drop the first pair, and write the result."""
    runs: list[tuple[Run, Run]] = []
    for number in range(pairs):
        runs.append((await ours(), await limit()))
        one, other = runs[-1]
        rates = f"{one.rate:,.0f} against {other.rate:,.0f} {bench.unit}"
        tell(f"{bench.name} {number + 1}/{pairs}: {rates}, {one.rate / other.rate:.2f}")
    kept = runs[1:] or runs
    mine, theirs = [one for one, _ in kept], [other for _, other in kept]
    written = result(bench, mine, theirs, ([one.rate for one in mine], [other.rate for other in theirs]))
    write(written)
    return written


def write(found: Mapping[str, Any]) -> None:
    """Write out/bench/<name>.json."""
    folder = ROOT / "out/bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{found['name']}.json").write_text(json.dumps(found, indent=2) + "\n")


def tell(line: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"[bench] {line}\n")
    sys.stderr.flush()


def machine() -> str:
    """Processors and memory, in words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def commit() -> str:
    """What was measured."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "runs": len(values),
    }


def _medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = sorted({name for one in found for name in one})
    return {name: round(statistics.median([one.get(name, 0.0) for one in found]), 4) for name in names}
