"""Where one stack's things are: its folder, ports, keys and programs; it starts nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hoso_stack.keys import Keys

SERVICES: Final = ("dossier", "identity", "storage", "notify")
ROLES: Final = ("api", "worker", "relay")
BUCKET: Final = "hoso-attachments"
DATA: Final = ("kafka", "postgres", "minio")  # folders of a stack that are deleted at its end; logs and spans stay
HOST: Final = "127.0.0.1"
PORTS: Final = (
    "kafka", "kafka-controller", "postgres", "minio", "issuer", "population", "smtp", "mail-inbox", "smpp", "sms-inbox",
    *(f"{service}-{role}" for service in SERVICES for role in ROLES),
)  # fmt: skip
COUNTS: Final = (1, 3)  # of brokers: two would stand still without either


def broker_names(brokers: int) -> list[str]:
    """The parts that are brokers: one is just "kafka"."""
    return ["kafka"] if brokers == 1 else [f"kafka-{number}" for number in range(1, brokers + 1)]


def port_names(brokers: int, wired: Iterable[str] = ()) -> list[str]:
    """The ports of a stack with so many brokers, in the order in which they are counted up; those of one come first.

    Whoever of `wired` reads Kafka through somebody who forwards has a port of the broker's of its own: a broker sends
    its clients on to an address that it has for the port at which they came.
    """
    of_cluster = (f"{name}{of}" for name in broker_names(brokers) for of in ("", "-controller") if brokers > 1)
    return [*PORTS, *of_cluster, *map(kafka_port_for, wired)]


def kafka_port_for(who: str) -> str:
    """The name of the broker's port for one role alone."""
    return f"kafka-for-{who}"


@dataclass(frozen=True, slots=True)
class Programs:
    """What was fetched or built: Kafka's jars, PostgreSQL's folder, MinIO's binary."""

    kafka: Path
    postgres: Path
    minio: Path


@dataclass(frozen=True, slots=True)
class Layout:
    """One stack.

    Attributes:
        folder: data, keys, logs and spans of this stack; made anew at every start.
        ports: by the names of `port_names`.
        brokers: one of COUNTS.
        wires: who is told another port for a part, and which: there somebody forwards.
    """

    folder: Path
    ports: Mapping[str, int]
    keys: Keys
    brokers: int = 1
    wires: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])

    @property
    def wired(self) -> list[str]:
        """Who reads Kafka through somebody who forwards."""
        return [who for who, ports in self.wires.items() if "kafka" in ports]

    def port(self, who: str, name: str) -> int:
        """Where `who` finds a part."""
        return self.wires.get(who, {}).get(name, self.ports[name])

    @property
    def key_folder(self) -> Path:
        """Key pairs and passwords."""
        return self.folder / "keys"

    def address(self, name: str) -> str:
        """host:port."""
        return f"{HOST}:{self.ports[name]}"

    @property
    def kafka_servers(self) -> str:
        """host:port,... of the brokers."""
        return ",".join(self.address(name) for name in broker_names(self.brokers))

    def url(self, name: str) -> str:
        """http://host:port."""
        return f"http://{self.address(name)}"

    def database_url(self, service: str, who: str = "") -> str:
        """The database of a service, as its owner, for one of its roles or anybody else."""
        return f"postgresql://{service}:{getattr(self.keys, service)}@{HOST}:{self.port(who, 'postgres')}/{service}"

    @property
    def admin_url(self) -> str:
        """The database server as its superuser."""
        return f"postgresql://postgres:{self.keys.postgres}@{self.address('postgres')}/postgres"
