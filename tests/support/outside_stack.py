"""A whole stack in which every role finds every part through a forwarder, and databases have a small disk."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hoso_stack.stack import running
from support.disks import Disk, mounted
from support.parts import OUT
from support.stories import RunningStack
from support.wires import Wires, wires

_MEGABYTES: Final = 700  # PostgreSQL has 40 when it is new, and keeps its log for 300 at these settings


@dataclass(frozen=True, slots=True)
class OutsideStack(RunningStack):
    """The whole stack, and what is around it.

    Attributes:
        disk: where PostgreSQL's data are; None where this machine mounts none.
        wires: between roles and parts. People's requests and the parts' health go past them.
    """

    disk: Disk | None
    wires: Wires


@contextmanager
def outside_stack() -> Generator[OutsideStack]:
    """One for as long as the block lasts."""
    OUT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=OUT, prefix="stack-"))
    with (
        wires(folder.parent / f"{folder.name}.env") as between,
        mounted(folder / "postgres", _MEGABYTES) as disk,
        running(folder, wires=between.told()) as stack,
    ):
        yield OutsideStack(stack.folder, stack.env_file, disk, between)
