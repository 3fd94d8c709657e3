"""What a measured child says on its standard output: when it begins, and what it came to."""

import json
import resource
import sys
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stopwatch:
    """Begins once and ends once."""

    _at: float = field(default=0.0, init=False)
    _cpu: float = field(default=0.0, init=False)

    @property
    def has_begun(self) -> bool:
        """Whether it counts."""
        return self._at > 0

    def begin(self) -> None:
        """From now on it counts."""
        if not self._at:
            sys.stdout.write("begin\n")
            sys.stdout.flush()
            self._at, self._cpu = time.perf_counter(), time.process_time()

    def end(self, units: int, **more: float) -> None:
        """Until now it counted."""
        seconds, cpu = time.perf_counter() - self._at, time.process_time() - self._cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        told = {"units": units, "seconds": seconds, "cpu_ms": cpu * 1000, "more": {"peak_mb": peak, **more}}
        sys.stdout.write(f"end {json.dumps(told)}\n")
        sys.stdout.flush()
