# ruff: noqa: INP001
"""Make the checkout's `.venv`: run by bootstrap.py on the system's Python; may import nothing but the standard library.

`uv` comes by pip, with hashes, into the cache `${XDG_CACHE_HOME:-~/.cache}/hoso`; everything else comes by `uv`, with
hashes, from requirements/dev.txt; every distribution of the checkout is then installed editable. Nothing is done twice:
a stamp in `.venv` holds the hash of what it was made from.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
STAMP = VENV / "hoso-stamp.json"
REQUIREMENTS = ROOT / "requirements"
LAUNCH = Path(__file__).with_name("src") / "hoso_stack/launch.py"
FREE_MB = 2200  # .venv, and uv's cache of what is in it: measured 0.75 and 0.9 GB
WHY = (
    "the words above say why. If they speak of connections or names: no network, or no package index where pip and uv "
    "are told to look. If of hashes: what came is not what the requirements pin, and was thrown away. If of space: the "
    "disk is full. Then run the same again: it goes on where it stood"
)


def cache_folder() -> Path:
    """Return the cache's folder; a relative XDG_CACHE_HOME counts for nothing, as its specification says."""
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (home if home.is_absolute() else Path.home() / ".cache") / "hoso"
    except RuntimeError:
        sys.exit("[hoso] this account has no home, so set XDG_CACHE_HOME to a folder for what is fetched (1.2 GB)")


CACHE = cache_folder()


def say(words: str) -> None:
    """Tell the person what happens now."""
    print(f"[hoso] {words}", file=sys.stderr, flush=True)


def run(what: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """Run a command that may talk to the terminal; end with what it was for when it fails.

    It has a session of its own, so that Ctrl-C reaches it through us, and it dies with us.
    """
    launch = [sys.executable, "-I", "-S", LAUNCH, os.getpid(), int(signal.SIGKILL), "same", ROOT, *command]
    with subprocess.Popen([str(part) for part in launch], env=environment, start_new_session=True) as child:
        try:
            code = child.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            raise
    if code != 0:
        sys.exit(f"[hoso] {what} failed; {WHY}")


def check_room() -> None:
    """End when what is fetched could not be kept."""
    for folder in (ROOT, CACHE):
        free = shutil.disk_usage(folder).free // 1_000_000
        if free < FREE_MB:
            sys.exit(
                f"[hoso] the disk of {folder} has {free} MB free, and .venv with what is kept for it takes up to "
                f"{FREE_MB} MB: delete something, or set XDG_CACHE_HOME to a folder on another disk"
            )


@contextmanager
def locked(name: str) -> Generator[None]:
    """Hold the cache's lock of that name: two runs at the same time must not make the same thing."""
    folder = CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(*parts: bytes) -> str:
    """Hash parts so that moving a byte from one to the next changes the result."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def uv_binary() -> Path:
    """Fetch uv, once for all checkouts; again when the Python has gone by which pip's settings are read."""
    pins = REQUIREMENTS / "bootstrap.txt"
    home = CACHE / f"uv-{digest(pins.read_bytes())[:12]}"
    with locked("uv"):
        if not all(os.access(home / "bin" / name, os.X_OK) for name in ("uv", "python3")):
            for stale in CACHE.glob("making-uv-*"):  # of a run that was killed: we hold the lock
                shutil.rmtree(stale, ignore_errors=True)
            say("fetching uv")
            making = Path(tempfile.mkdtemp(dir=CACHE, prefix="making-uv-"))
            try:
                run("a virtual environment for uv", [sys.executable, "-m", "venv", making])
                pip = [making / "bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
                pip += ["--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "-r", pins]
                run("fetching uv", pip)
                shutil.rmtree(home, ignore_errors=True)
                making.rename(home)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return home / "bin/uv"


def uv_environment(uv: Path) -> dict[str, str]:
    """Give uv a cache of ours and, where it has no setting of its own, what the person's pip is configured with."""
    environment = {"UV_CACHE_DIR": str(CACHE / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never", **os.environ}
    environment.pop("VIRTUAL_ENV", None)
    listing = subprocess.run(
        [uv.parent / "python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    pip: dict[str, str] = {}
    for line in listing.stdout.splitlines():
        name, _, value = line.partition("=")
        pip[name.rpartition(".")[2].lower().replace("_", "-")] = value.strip("'\"")
    if not environment.keys() & {"UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CONFIG_FILE"} and "index-url" in pip:
        environment["UV_DEFAULT_INDEX"] = pip["index-url"]
    if not environment.keys() & {"UV_EXTRA_INDEX_URL", "UV_INDEX"} and "extra-index-url" in pip:
        environment["UV_INDEX"] = pip["extra-index-url"].replace("\\n", " ")
    if "SSL_CERT_FILE" not in environment and "cert" in pip:
        environment["SSL_CERT_FILE"] = pip["cert"]
    return environment


def distributions() -> list[Path]:
    """List the checkout's own distributions."""
    candidates = [ROOT / "contracts", *sorted((ROOT / "services").glob("*")), *sorted((ROOT / "deploy").glob("*"))]
    candidates.append(ROOT / "tests/load")
    return [folder for folder in candidates if (folder / "pyproject.toml").exists()]


def wanted() -> dict[str, str]:
    """What `.venv` is to be made from, hashed."""
    python = f"{sys.version}{sys.base_prefix}{VENV}".encode()
    own = [f"{folder}".encode() + (folder / "pyproject.toml").read_bytes() for folder in distributions()]
    return {"packages": digest(python, (REQUIREMENTS / "dev.txt").read_bytes()), "own": digest(*own)}


def stamped() -> dict[str, str]:
    """What `.venv` was made from; empty when it is not there, or not whole."""
    try:
        return json.loads(STAMP.read_text()) if os.access(VENV / "bin/python", os.X_OK) else {}
    except (OSError, ValueError):
        return {}


def make_environment() -> None:
    """Bring `.venv` to what the checkout asks for."""
    want, made = wanted(), stamped()
    if made == want:  # by another, while this one waited
        return
    check_room()
    uv = uv_binary()
    environment, python = uv_environment(uv), VENV / "bin/python"
    STAMP.unlink(missing_ok=True)
    if made.get("packages") != want["packages"]:
        say("installing Python packages into .venv")
        if not made:
            run("making .venv", [uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV], environment)
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        sync = [uv, "pip", "sync", *quiet, "--require-hashes", "--python", python, REQUIREMENTS / "dev.txt"]
        run("installing Python packages", sync, environment)
    own = [part for folder in distributions() for part in ("-e", folder)]
    say(f"installing the checkout's {len(own) // 2} distributions into .venv")
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", python, *own]
    run("installing the checkout's distributions", install, environment)
    new = STAMP.with_suffix(".new")
    new.write_text(json.dumps(want))
    new.replace(STAMP)


def lock() -> None:
    """Resolve requirements/dev.in anew, with the hashes of every platform and without any index's address."""
    uv = uv_binary()
    compile_ = [uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"]
    compile_ += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--output-file", REQUIREMENTS / "dev.txt"]
    run("resolving the requirements", [*compile_, REQUIREMENTS / "dev.in"], uv_environment(uv))


def main(arguments: Sequence[str]) -> None:
    """Make `.venv`, unless it is as it should be; with the argument `lock`, resolve the requirements."""
    if ":" in f"{ROOT}{CACHE}":
        sys.exit(
            f"[hoso] no folder of {ROOT} and {CACHE} may have a colon in its name: lists of folders are parted by it"
        )
    try:
        if arguments == ["lock"]:
            lock()
        elif stamped() != wanted():
            began = time.monotonic()
            with locked(f"venv-{digest(str(ROOT).encode())[:12]}"):
                make_environment()
            say(f".venv is ready ({time.monotonic() - began:.0f} s)")
    except OSError as error:
        way = "set XDG_CACHE_HOME to a folder that can be written" if f"{CACHE}" in f"{error.filename}" else "mend that"
        way = "delete something there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else way
        sys.exit(f"[hoso] .venv could not be made: {error.strerror}: {error.filename}; {way}, and run the same again")
