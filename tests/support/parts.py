"""The real parts that integration tests run on: Kafka with its topics, PostgreSQL, MinIO, started once a test run.

HOSO_TEST_PARTS names the stack.env of a stack that runs already, for who runs one test many times.
"""

import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hoso_stack import stack_env
from hoso_stack.stack import running

OUT: Final = Path(__file__).resolve().parents[2] / "out/tests"
SERVERS: Final = ("topics", "postgres", "minio")

_parts: dict[str, str] = {}


@contextmanager
def started() -> Generator[Mapping[str, str]]:
    """The servers for as long as the block lasts; `parts()` finds them meanwhile."""
    if given := os.environ.get("HOSO_TEST_PARTS"):
        _parts.update(stack_env.read(Path(given)))
        yield _parts
        return
    OUT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=OUT, prefix="servers-"))
    with running(folder, SERVERS) as stack:
        _parts.update(stack.env())
        yield _parts


def parts() -> Mapping[str, str]:
    """The values of stack.env of the servers that were started."""
    return _parts
