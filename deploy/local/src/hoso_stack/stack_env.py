"""Writes stack.env: what people and tests need to use a running stack, as KEY=VALUE."""

from collections.abc import Mapping
from pathlib import Path

from hoso_stack.layout import BUCKET, HOST, ROLES, SERVICES, Layout, kafka_port_for
from hoso_stack.supervisor import write_atomically
from hoso_stack.tokens import standard


def addresses(layout: Layout) -> dict[str, str]:
    """Where everything is, and the keys to it; the same for as long as the stack runs."""
    ports, keys = layout.ports, layout.keys
    values = {"KAFKA_BOOTSTRAP_SERVERS": layout.kafka_servers}
    values |= {f"{service.upper()}_URL": layout.url(f"{service}-api") for service in SERVICES}
    values |= {"POPULATION_URL": layout.url("population"), "POSTGRES_URL": layout.admin_url}
    values |= {f"{service.upper()}_DATABASE_URL": layout.database_url(service) for service in SERVICES}
    values |= {"S3_ENDPOINT": layout.url("minio"), "S3_BUCKET": BUCKET}
    values |= {"S3_ACCESS_KEY": keys.s3_access, "S3_SECRET_KEY": keys.s3_secret}
    values |= {"SMTP_HOST": HOST, "SMTP_PORT": str(ports["smtp"]), "MAIL_INBOX_URL": layout.url("mail-inbox")}
    values |= {"SMPP_HOST": HOST, "SMPP_PORT": str(ports["smpp"]), "SMS_INBOX_URL": layout.url("sms-inbox")}
    values |= {"JWKS_URL": f"{layout.url('issuer')}/jwks.json", **standard(layout.key_folder)}
    for service in SERVICES:
        values |= {f"HEALTH_{service.upper()}_{role.upper()}": layout.url(f"{service}-{role}") for role in ROLES}
    for who in layout.wired:
        values[f"KAFKA_FOR_{who.upper().replace('-', '_')}"] = layout.address(kafka_port_for(who))
    return values


def write(path: Path, values: Mapping[str, str], pids: Mapping[str, int]) -> None:
    """Write the file anew, whole, with the process ids of now."""
    lines = [f"{name}={value}" for name, value in values.items()]
    lines += [f"PID_{name.upper().replace('-', '_')}={pid}" for name, pid in pids.items()]
    write_atomically(path, "\n".join(lines) + "\n")


def read(path: Path) -> dict[str, str]:
    """The values of a stack.env."""
    rows = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in rows}
