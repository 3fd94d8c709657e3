"""The tables of one simulated service, and its clocks; which statement does what to them stands elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulation.rows import Table


@dataclass(slots=True, eq=False)
class Tables:
    """Rows by their primary keys.

    Attributes:
        clock: what clock_timestamp() says.
    """

    clock: Callable[[], datetime]
    positions: Table[Any] = field(default_factory=lambda: Table[Any]("positions"))
    inbox: Table[Any] = field(default_factory=lambda: Table[Any]("inbox"))
    faults: Table[Any] = field(default_factory=lambda: Table[Any]("partition_faults"))
    dead_letters: Table[Any] = field(default_factory=lambda: Table[Any]("dead_letters"))
    streams: Table[Any] = field(default_factory=lambda: Table[Any]("streams"))
    outbox: Table[Any] = field(default_factory=lambda: Table[Any]("outbox"))
    leases: Table[Any] = field(default_factory=lambda: Table[Any]("leases"))
    relayed: Table[Any] = field(default_factory=lambda: Table[Any]("relayed"))
    forgotten: Table[Any] = field(default_factory=lambda: Table[Any]("forgotten_facts"))
    work: Table[Any] = field(default_factory=lambda: Table[Any]("work"))
    floors: Table[Any] = field(default_factory=lambda: Table[Any]("work_floors"))
    tallies: Table[Any] = field(default_factory=lambda: Table[Any]("tallies"))
