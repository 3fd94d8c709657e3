"""MinIO for the supervisor: built once from pinned source by a Go of our own, then one private bucket."""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from minio import Minio

from hoso_stack.cache import cache_folder, check_room, locked, making, sha256_of, whole
from hoso_stack.supervisor import bound

NAME: Final = "MinIO"
MODULE: Final = "github.com/minio/minio"
VERSION: Final = "v0.0.0-20260212201848-7aac2a2c5b7c"
# What the pinned Go makes of the pinned source.
SHA256: Final = "293f00ceb8ffd327da8b90ca81f867e9d39316df00b1feff1882b27f1ee3c782"
BUILD_MB: Final = 2400  # all but 105 of it the compiler's, deleted afterwards
REGION: Final = "us-east-1"


class BuildFailed(Exception):
    """The Go compiler refused, or made another binary than the locked one; the message says which."""


def version() -> str:
    """Name and day of the source that is built."""
    stamp = VERSION.split("-")[1]
    return f"{NAME} {stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} ({VERSION.rpartition('-')[2]})"


def provision(tell: Callable[[str], None]) -> Path:
    """Return the server's binary, built if absent; two checkouts that want it at once share one build."""
    final = cache_folder() / f"minio-{VERSION.rpartition('-')[2]}"
    if whole(final):
        return final / "minio"
    with locked(final.name, lambda: tell("waiting for another checkout, which builds it")):
        if not whole(final):
            check_room(final.parent, BUILD_MB, "building MinIO")
            with making(final) as folder:
                _build(folder, tell)
    return final / "minio"


def _build(folder: Path, tell: Callable[[str], None]) -> None:
    """Compile below `folder` and leave only the binary there; the compiler's own caches of 2 GB are deleted."""
    go, caches, words = Path(sysconfig.get_path("purelib")) / "go", folder / "caches", folder / "words"
    environment = os.environ | {
        "GOROOT": str(go), "GOPATH": f"{caches}/path", "GOCACHE": f"{caches}/build", "GOBIN": str(folder),
        "GOTMPDIR": str(caches),
        "HOME": str(caches), "XDG_CONFIG_HOME": str(caches),  # where the compiler would keep its telemetry
        "GOENV": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-trimpath -modcacherw -buildvcs=false",
    }  # fmt: skip
    caches.mkdir()
    command = bound(caches, [str(go / "bin/go"), "install", "-ldflags", "-s -w", f"{MODULE}@{VERSION}"])
    began = time.monotonic()
    with words.open("wb") as out:
        building = subprocess.Popen(
            command,
            env=environment,
            cwd=caches,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            while building.poll() is None:
                tell(f"building from source, once for all checkouts: {time.monotonic() - began:.0f} s, often 3 minutes")
                _wait(building, 0.5)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(building.pid, signal.SIGKILL)  # with the compilers it started
            building.wait()
    if building.returncode != 0:
        last = " / ".join(words.read_text(errors="replace").strip().splitlines()[-2:])
        raise BuildFailed(
            f"Go said: {last}. If it speaks of dialling, look-ups or time-outs: no network, or no Go module proxy "
            "where GOPROXY points; if of space: the disk is full. Then run the same again"
        )
    check(folder / "minio")
    words.unlink()
    shutil.rmtree(caches)


def check(binary: Path) -> None:
    """Compare what was built with what the pinned Go makes of the pinned source everywhere.

    Raises:
        BuildFailed: it is something else.
    """
    if (made := sha256_of(binary)) != SHA256:
        raise BuildFailed(
            f"the build gave a binary with SHA-256 {made}, not {SHA256}, and was thrown away: another source came, or "
            "a Go variable of this account is in the way (`env | grep ^GO` shows them). Unset it and run the same again"
        )


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def command(binary: Path, folder: Path, port: int) -> list[str]:
    """The server's command line; it gets its keys by environment."""
    return [str(binary), "server", "--quiet", "--json", "--address", f"127.0.0.1:{port}", str(folder / "data")]


def create_bucket(endpoint: str, access: str, secret: str, bucket: str) -> None:
    """Make the bucket, private as buckets are; one that is there stays. Blocks."""
    client = Minio(endpoint.partition("//")[2], access, secret, secure=False, region=REGION)
    if not client.bucket_exists(bucket):
        client.make_bucket(bucket)
