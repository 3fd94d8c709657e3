"""Every place of a running stack in which personal data could stand, each with a reader, and those where it may."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from minio import Minio

from hoso_stack.layout import DATA, SERVICES
from hoso_stack.supervisor import read_status
from support.canaries import written
from support.canary_walk import Walk
from support.kept import Kept

Found = Iterable[tuple[str, str | bytes]]
_IDENTITY: Final = frozenset({"name", "identity number", "date of birth"})
_CONTACT: Final = frozenset({"e-mail", "phone"})
ALL: Final = _IDENTITY | _CONTACT | {"address"}

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "identity.verification-requests.v1 value": _IDENTITY,
    "notification.requests.v1 value": _CONTACT,
    "dossier.dossiers.answers": ALL,
    "dossier.dossiers.email": frozenset({"e-mail"}),
    "dossier.dossiers.phone": frozenset({"phone"}),
    "dossier.drafts.answers": ALL,
    "dossier.outbox.value": _IDENTITY | _CONTACT,
    "identity.work.payload": _IDENTITY,
    "notify.work.payload": _CONTACT,
    # A record as it came, whoever sent it: it may hold anything.
    **{
        f"{service}.dead_letters.{column}": ALL
        for service in SERVICES
        for column in ("key", "value", "header_names", "header_values")
    },
}
"""What may stand where, by topic and part or by service, table and column (docs/decisions/0009); elsewhere nothing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to look through when the walk is over."""

    walk: Walk
    kept: Kept
    activity: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.walk.stack.folder


def _logs(seen: Seen) -> Found:
    return (one for one in written(seen.folder) if one[0].startswith("logs/"))


def _spans(seen: Seen) -> Found:
    return (one for one in written(seen.folder) if one[0].startswith("spans/"))


def _topics(part: str) -> Callable[[Seen], Found]:
    """Keys, values or headers of all records but those that the walk itself wrote."""

    def read(seen: Seen) -> Iterator[tuple[str, bytes]]:
        for one in seen.kept.records:
            if (one.topic, one.partition, one.offset) in seen.walk.planted:
                continue
            headers = [name.encode() + b": " + (value or b"") for name, value in one.headers]
            of = {"key": one.key or b"", "value": one.value or b"", "headers": b"\n".join(headers)}
            yield f"{one.topic} {part}", of[part]

    return read


def _tables(seen: Seen) -> Iterator[tuple[str, str | bytes]]:
    for table, rows in seen.kept.rows.items():
        for row in rows:
            for column, value in row.items():
                yield f"{table}.{column}", value if isinstance(value, bytes) else str(value)


def _objects(seen: Seen) -> Iterator[tuple[str, str]]:
    """Names, media types and what users and S3 say beside each."""
    env = seen.walk.stack.env()
    client = Minio(env["S3_ENDPOINT"].removeprefix("http://"), env["S3_ACCESS_KEY"], env["S3_SECRET_KEY"], secure=False)
    for one in client.list_objects(env["S3_BUCKET"], recursive=True, include_user_meta=True):
        yield "object", f"{one.object_name} {one.content_type} {one.metadata} {one.tags} {one.owner_name}"


def _processes(seen: Seen) -> Iterator[tuple[str, str | bytes]]:
    """Command lines and environments of everything that runs under the supervisor, and where its files are."""
    for pid in _descendants(_supervisor(seen.folder)):
        for name in ("cmdline", "environ", "comm"):
            yield f"process {name}", (Path("/proc") / str(pid) / name).read_bytes()
        for link in (Path("/proc") / str(pid) / "fd").iterdir():
            yield "process file", str(link.readlink())


def _files(seen: Seen) -> Iterator[tuple[str, bytes]]:
    """Names of all files, and the contents of dumps and of all outside the data of Kafka, PostgreSQL and MinIO."""
    for path in [*seen.folder.rglob("*"), seen.walk.stack.env_file]:
        name = str(path.name)
        yield "file name", name.encode()
        of = path.relative_to(seen.folder).parts[0] if path.is_relative_to(seen.folder) else ""
        dump = name.startswith(("core", "hs_err", "heapdump"))
        if path.is_file() and (dump or of not in {*DATA, "logs", "spans"}):
            yield f"file {name}", path.read_bytes()


PLACES: Final[Mapping[str, Callable[[Seen], Found]]] = {
    "log": _logs,
    "span": _spans,
    "metric": lambda seen: seen.walk.metrics.items(),
    "answer": lambda seen: ((f"answer to {path}", told) for path, told in seen.walk.told),
    "topic, keys": _topics("key"),
    "topic, headers": _topics("headers"),
    "topic, values": _topics("value"),
    "table": _tables,
    "object": _objects,
    "statement": lambda seen: seen.activity.items(),
    "process": _processes,
    "file": _files,
}


def _supervisor(folder: Path) -> int:
    status: Any = read_status(folder)
    return status["pid"]


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for child in (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split():
        yield from _descendants(int(child))


async def activity(env: Mapping[str, str]) -> dict[str, str]:
    """What PostgreSQL shows of the statements that ran last, or of all where it keeps them."""
    connection: Any = await asyncpg.connect(env["POSTGRES_URL"])
    try:
        rows = await connection.fetch("SELECT pid, datname, query FROM pg_stat_activity")
        told = {f"statement {row['datname']} {row['pid']}": str(row["query"]) for row in rows}
        if await connection.fetchval("SELECT to_regclass('pg_stat_statements')"):
            rows = await connection.fetch("SELECT queryid, query FROM pg_stat_statements")
            told |= {f"statement kept {row['queryid']}": str(row["query"]) for row in rows}
        return told
    finally:
        await connection.close()
