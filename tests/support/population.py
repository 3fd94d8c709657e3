"""The population mock as a process of its own, for tests; it can be killed and started again on the same port."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from support.waiting import until

INHERITED = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
NOBODYS_NUMBER = "003099000000"  # right in structure; a test proves that the default seed gives it to nobody


@dataclass(slots=True)
class Register:
    """A running register; `log` is where it writes what it says."""

    port: int
    log: Path | None = None
    environment: dict[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and return when it answers."""
        output = self.log.open("ab") if self.log else None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hoso_population_mock"],
            env={**INHERITED, "HTTP_PORT": str(self.port), "LOG_LEVEL": "warning", **self.environment},
            stdout=output,
            stderr=output,
        )
        if output is not None:
            output.close()
        until(self._is_ready, within=20)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop."""
        assert self.process is not None
        self.process.send_signal(number)

    def status(self) -> int:
        """Wait for its end and return its exit status."""
        assert self.process is not None
        return self.process.wait(20)

    def switch(self, **switches: object) -> None:
        """Set switches; without any, put all back."""
        if switches:
            httpx.put(f"{self.url}/switches", json=switches, trust_env=False).raise_for_status()
        else:
            httpx.delete(f"{self.url}/switches", trust_env=False).raise_for_status()

    def people(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Return people of the register, as it spells them."""
        answer = httpx.get(f"{self.url}/people/sample?n={count}&seed={seed}", trust_env=False)
        return answer.raise_for_status().json()

    def look_up(self, number: str, timeout: float = 10) -> httpx.Response:
        """Ask for one person."""
        question = {"identity_number": number}
        return httpx.post(f"{self.url}/people/lookup", json=question, timeout=timeout, trust_env=False)

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "it ended instead of starting"
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@contextmanager
def register_process(log: Path | None = None, **environment: str) -> Generator[Register]:
    """A running register on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        register = Register(free.getsockname()[1], log, environment)
    register.start()
    try:
        yield register
    finally:
        register.kill()
