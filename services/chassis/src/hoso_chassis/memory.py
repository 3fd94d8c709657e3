"""Keeps what a process holds in its memory, personal data among it, out of files; it may do nothing else."""

import resource
from typing import Final

_NO_DUMP: Final = 1  # too little for a file; and unlike 0 it also stops Linux from giving a dump to a program, core(5)


def keep_in_memory() -> None:
    """Let no crash and no signal write this process' memory to a file, whatever whoever started it allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    least = _NO_DUMP if hard == resource.RLIM_INFINITY else min(hard, _NO_DUMP)
    resource.setrlimit(resource.RLIMIT_CORE, (least, least))
