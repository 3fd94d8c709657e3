"""The small counting service as a program of its own, for its command line: `python -m support.letter_process`."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hoso_chassis.cli import run
from hoso_chassis.database import Database
from hoso_chassis.service import Parts, Service
from hoso_chassis.settings import ServiceSettings
from support.counting import Count, Counting, CountStore

TESTS: Final = Path(__file__).resolve().parents[1]


def build(settings: ServiceSettings) -> Parts[Count]:
    """The parts of the service."""
    database = Database(settings.database_url.get_secret_value(), "/hoso/dossier")
    return Parts(database=database, store=CountStore(), inbound=Counting().inbound)


SERVICE: Final = Service("dossier", "0.1.0", ServiceSettings, build, ())


def environment(database_url: str) -> Mapping[str, str]:
    """Of a container without a place to write to."""
    nowhere = {"HOME": "/proc", "TMPDIR": "/proc", "PYTHONDONTWRITEBYTECODE": "1"}
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "DATABASE_URL": database_url, **nowhere}


def begin(database_url: str, *arguments: str, stdin: int, stderr: int) -> subprocess.Popen[bytes]:
    """Begin one command where nothing can be written, also by root: in /proc."""
    program = (sys.executable, "-m", "support.letter_process", *arguments)
    return subprocess.Popen(
        program, cwd="/proc", env=environment(database_url), stdin=stdin, stdout=subprocess.PIPE, stderr=stderr
    )


if __name__ == "__main__":
    run(SERVICE)
