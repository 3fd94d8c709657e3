"""The table of the stack's parts: what each runs, what it needs first, when it is ready, what it is told."""

import asyncio
import signal
import sys
from collections.abc import Iterable, Sequence
from functools import partial

from hoso_stack import kafka, minio, postgres
from hoso_stack.layout import BUCKET, HOST, ROLES, SERVICES, Layout, Programs, broker_names, kafka_port_for
from hoso_stack.probes import accepts, answers_http, is_broker
from hoso_stack.supervisor import Part, PartFailed
from hoso_stack.tokens import ISSUER


def module(name: str, *arguments: object) -> list[str]:
    """The command line of a Python module of ours."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def all_parts(layout: Layout, programs: Programs) -> list[Part]:
    """Every part of the stack."""
    return [*servers(layout, programs), *peers(layout), *migrations(layout), *services(layout)]


def some_parts(parts: Iterable[Part], only: Sequence[str]) -> list[Part]:
    """The parts of these names and what they need.

    Raises:
        PartFailed: no part has that name.
    """
    by_name = {part.name: part for part in parts}
    if unknown := set(only) - by_name.keys():
        raise PartFailed(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    wanted: set[str] = set()
    waiting = list(only)
    while waiting:
        part = by_name[waiting.pop()]
        wanted.add(part.name)
        waiting += [name for name in part.needs if name not in wanted]
    return [part for name, part in by_name.items() if name in wanted]


def servers(layout: Layout, programs: Programs) -> list[Part]:
    """Kafka with its topics, PostgreSQL with its databases, MinIO with its bucket."""
    folder, ports, keys = layout.folder, layout.ports, layout.keys
    names = broker_names(layout.brokers)
    return [
        *(part for name in names for part in broker(layout, programs, name)),
        Part(
            "topics",
            module("hoso_chassis.topics", "apply", "--replication", layout.brokers),
            needs=names,
            environment={"KAFKA_BOOTSTRAP_SERVERS": layout.kafka_servers},
        ),
        Part(
            "postgres-data",
            postgres.initialise(folder / "postgres", programs.postgres, keys.postgres),
            account="plain",
            owns="postgres",
        ),
        Part(
            "postgres",
            postgres.command(folder / "postgres", programs.postgres, ports["postgres"]),
            needs=["postgres-data"],
            account="plain",
            owns="postgres",
            ready=lambda: _has_databases(layout),
            ports=(ports["postgres"],),
            stop=signal.SIGINT,  # "fast": ends sessions, where SIGTERM would wait for them
        ),
        Part(
            "minio",
            minio.command(programs.minio, folder / "minio", ports["minio"]),
            environment={
                "MINIO_ROOT_USER": keys.s3_access,
                "MINIO_ROOT_PASSWORD": keys.s3_secret,
                "MINIO_BROWSER": "off",
                "HOME": str(folder / "minio"),  # it makes a folder for certificates there
            },
            ready=lambda: _has_bucket(layout),
            ports=(ports["minio"],),
        ),
    ]


def broker(layout: Layout, programs: Programs, name: str) -> list[Part]:
    """One broker, and the step that formats its storage."""
    names, ports = broker_names(layout.brokers), layout.ports
    controller_ports = [ports[f"{one}-controller"] for one in names]
    wires = [(ports[kafka_port_for(who)], layout.port(who, "kafka")) for who in layout.wired]
    node = kafka.Node(names.index(name) + 1, ports[name], controller_ports, wires)
    folder = layout.folder / "kafka" if name == "kafka" else layout.folder / "kafka" / name
    owns = str(folder.relative_to(layout.folder))
    return [
        Part(f"{name}-data", kafka.initialise(folder, programs.kafka, node), owns=owns),
        Part(
            name,
            kafka.command(folder, programs.kafka, node),
            needs=[f"{name}-data"],
            owns=owns,
            ready=is_broker(layout.address(name)),
            ports=(ports[name], ports[f"{name}-controller"]),
        ),
    ]


async def _has_databases(layout: Layout) -> bool:
    await postgres.create_databases(layout.admin_url, {service: getattr(layout.keys, service) for service in SERVICES})
    return True


async def _has_bucket(layout: Layout) -> bool:
    if not await answers_http(layout.ports["minio"], "/minio/health/ready")():
        return False
    keys = layout.keys
    await asyncio.to_thread(minio.create_bucket, layout.url("minio"), keys.s3_access, keys.s3_secret, BUCKET)
    return True


def peers(layout: Layout) -> list[Part]:
    """What stands for the world outside: token issuer, population register, mail server, SMS centre."""
    ports = layout.ports
    return [
        Part(
            "issuer",
            module("hoso_stack.issuer", ports["issuer"], layout.key_folder / "issuer.public.json"),
            ready=accepts(ports["issuer"]),
            ports=(ports["issuer"],),
        ),
        Part(
            "population",
            module("hoso_population_mock"),
            environment={"HTTP_HOST": HOST, "HTTP_PORT": str(ports["population"]), "LOG_LEVEL": "warning"},
            ready=answers_http(ports["population"], "/livez"),
            ports=(ports["population"],),
        ),
        Part(
            "mail",
            module("hoso_stack.mail_peer", ports["smtp"], ports["mail-inbox"]),
            ready=accepts(ports["smtp"], ports["mail-inbox"]),
            ports=(ports["smtp"], ports["mail-inbox"]),
        ),
        Part(
            "sms",
            module("hoso_stack.sms_peer", ports["smpp"], ports["sms-inbox"]),
            ready=accepts(ports["smpp"], ports["sms-inbox"]),
            ports=(ports["smpp"], ports["sms-inbox"]),
        ),
    ]


def migrations(layout: Layout) -> list[Part]:
    """Bring each service's database up to the code."""
    return [
        Part(
            f"{service}-migrate",
            module(f"hoso_{service}", "migrate"),
            needs=["postgres"],
            environment=told(layout, service, f"{service}-migrate"),
        )
        for service in SERVICES
    ]


def services(layout: Layout) -> list[Part]:
    """Four services in three roles each."""
    return [service_part(layout, service, role) for service in SERVICES for role in ROLES]


NEEDS = {
    "identity-worker": ["population"],
    "storage-api": ["minio"],
    "storage-worker": ["minio"],
    "notify-worker": ["mail", "sms"],
}


def service_part(layout: Layout, service: str, role: str) -> Part:
    """One role of one service."""
    name = f"{service}-{role}"
    port = layout.ports[name]
    environment = told(layout, service, name) | {"SPANS_FILE": str(layout.folder / "spans" / f"{name}.jsonl")}
    if role == "api":
        needs = ["issuer"]
        environment |= {"HTTP_HOST": HOST, "HTTP_PORT": str(port)}
        environment |= {"JWKS_URL": f"http://{HOST}:{layout.port(name, 'issuer')}/jwks.json", "TOKEN_ISSUER": ISSUER}
    else:
        needs = ["topics"]
        environment |= {"HEALTH_HOST": HOST, "HEALTH_PORT": str(port), "GROUP_INSTANCE_ID": f"{name}-1"}
    return Part(
        name,
        module(f"hoso_{service}", "serve", "--role", role),
        needs=[f"{service}-migrate", *needs, *NEEDS.get(name, [])],
        environment=environment,
        ready=answers_http(port),
        ports=(port,),
    )


def told(layout: Layout, service: str, who: str) -> dict[str, str]:
    """The settings of a service, whatever its role; `who` it is says where it finds the others."""
    keys, port = layout.keys, partial(layout.port, who)
    own = {
        "dossier": {"RECEIPT_PUBLIC_KEYS_FILE": str(layout.key_folder / "receipts.public.json")},
        "identity": {"POPULATION_URL": f"http://{HOST}:{port('population')}"},
        "storage": {
            "S3_ENDPOINT": f"http://{HOST}:{port('minio')}", "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY": keys.s3_access, "S3_SECRET_KEY": keys.s3_secret,
            "RECEIPT_PRIVATE_KEY_FILE": str(layout.key_folder / "receipts.private.json"),
        },
        "notify": {
            "SMTP_HOST": HOST, "SMTP_PORT": str(port("smtp")),
            "MAIL_SENDER": "Cổng dịch vụ công <no-reply@hoso.example>",
            "SMPP_HOST": HOST, "SMPP_PORT": str(port("smpp")), "SMPP_SYSTEM_ID": keys.smpp_id,
            "SMPP_PASSWORD": keys.smpp_password, "SMS_SENDER": "DVCONG",
            # A killed worker's claims end with the longest call it may have made: short here, so that a test sees it.
            "SMTP_TIMEOUT": "3", "SMPP_TIMEOUT": "3",
        },
    }  # fmt: skip
    return {
        "DATABASE_URL": layout.database_url(service, who),
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{port('kafka')}" if who in layout.wired else layout.kafka_servers,
        "LOG_LEVEL": "info",
    } | own[service]
