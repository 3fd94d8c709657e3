"""Artifacts of Maven repositories, each checked against jars.lock before it is used; no repository is named here.

Where they come from is the person's own setting: a mirror in `~/.m2/settings.xml`, else jgo's configuration, else what
jgo has by default. jgo only warns on a bad checksum, so the SHA-256 is checked here.
"""

import hashlib
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.maven import MavenContext

from hoso_stack.cache import cache_folder, check_room, locked, making, sha256_of, whole

DOWNLOADS_AT_ONCE = 8
TIMEOUT_S = 60
LOOK_S = 0.5
LAST_S = 2  # for what is still coming when all of it is in vain: it would write where everything is deleted


class NothingCame(Exception):
    """An artifact could not be fetched."""


class RefusedDownload(Exception):
    """What came is not what was locked."""


@dataclass(frozen=True)
class Jar:
    """One locked artifact: `coordinate` is group:artifact:version, `size` in bytes."""

    group: str
    coordinate: str
    sha256: str
    size: int


def locked_jars(group: str) -> list[Jar]:
    """Read the artifacts of one group ("kafka", "postgres") from jars.lock."""
    lines = files("hoso_stack").joinpath("jars.lock").read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return [Jar(row[0], row[1], row[2], int(row[3])) for row in rows if row[0] == group]


def check(path: Path, jar: Jar) -> None:
    """Compare a downloaded file with its lock line.

    Raises:
        RefusedDownload: size or SHA-256 differ.
    """
    size, sha256 = path.stat().st_size, sha256_of(path)
    if size != jar.size or sha256 != jar.sha256:
        raise RefusedDownload(
            f"{jar.coordinate} came with {size} bytes and SHA-256 {sha256}, but jars.lock has {jar.size} bytes and "
            f"{jar.sha256}; all of it was thrown away. Run the same again; if it comes so again, the Maven repository "
            "that this account is set to use (~/.m2/settings.xml) gives out something else"
        )


def mirror_of_central() -> dict[str, str] | None:
    """Find the repository that the person's Maven settings put in the place of the central one."""
    path = Path.home() / ".m2/settings.xml"
    if not path.is_file():
        return None
    for mirror in ET.parse(path).getroot().iter():  # noqa: S314
        fields = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in mirror}
        if {"mirrorOf", "url"} <= fields.keys() and {"*", "central", "external:*"} & set(fields["mirrorOf"].split(",")):
            return {"central": fields["url"].rstrip("/")}
    return None


def maven(folder: Path) -> MavenContext:
    """Make jgo's resolver, downloading below `folder`, with the person's own repositories."""
    repositories = mirror_of_central() or GlobalSettings.load().repositories or None
    return MavenContext(repo_cache=folder, remote_repos=repositories, timeout=TIMEOUT_S)


def fetch(jars: Sequence[Jar], folder: Path, tell: Callable[[int], None]) -> None:
    """Download jars into `folder`, flat; nothing unchecked ever gets its final name there.

    What `tell` raises ends it at once, without waiting for what is under way.
    """
    context = maven(folder / "unchecked")

    def fetch_one(jar: Jar) -> int:
        group, name, version = jar.coordinate.split(":")
        artifact = context.project(group, name).at_version(version).artifact()
        try:
            downloaded = context.resolver.download(artifact)
        except (RuntimeError, OSError) as error:  # jgo's and requests', which is an OSError without a number
            if isinstance(error, OSError) and error.errno:
                raise
            downloaded = None
        if downloaded is None:
            raise NothingCame(
                f"{jar.coordinate} did not come: no network, or a Maven repository that is away or has it not; "
                "this account's is set in ~/.m2/settings.xml. Run the same again when it can be reached"
            )
        check(downloaded, jar)
        downloaded.rename(folder / f"{name}-{version}.jar")
        return jar.size

    pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
    coming = {pool.submit(fetch_one, jar) for jar in jars}
    try:
        while coming:
            came, coming = wait(coming, LOOK_S, return_when=FIRST_COMPLETED)
            tell(sum(one.result() for one in came))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        wait(coming, LAST_S)


def jars_folder(group: str, tell: Callable[[int], None] = lambda _: None) -> Path:
    """Return the folder that holds the group's jars and nothing else, fetched if absent.

    Args:
        group: as in jars.lock.
        tell: called with the bytes that came.

    Raises:
        RefusedDownload: a jar is not the locked one.
        NothingCame: a jar could not be fetched.
    """
    jars = locked_jars(group)
    name = hashlib.sha256("".join(jar.sha256 for jar in jars).encode()).hexdigest()[:12]
    final = cache_folder() / f"{group}-jars-{name}"
    if whole(final):
        return final
    with locked(final.name):
        if not whole(final):
            check_room(final.parent, sum(jar.size for jar in jars) // 1_000_000 + 5, f"fetching {group}")
            with making(final) as folder:
                fetch(jars, folder, tell)
                shutil.rmtree(folder / "unchecked")
    return final
