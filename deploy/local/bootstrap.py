# ruff: noqa: INP001
"""Make the checkout's `.venv`: runs on the system's Python alone, and may import nothing but the standard library.

`uv` comes by pip, with hashes, into the cache `${XDG_CACHE_HOME:-~/.cache}/hoso`; everything else comes by `uv`, with
hashes, from requirements/dev.txt; every distribution of the checkout is then installed editable. Nothing is done twice:
a stamp in `.venv` holds the hash of what it was made from.
"""

import fcntl
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hoso"
REQUIREMENTS = ROOT / "requirements"
OLDEST = (3, 11)


def say(words: str) -> None:
    """Tell the person what happens now."""
    print(f"[hoso] {words}", file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """Run a command that may talk to the terminal; end with its name when it fails."""
    done = subprocess.run([str(part) for part in command], env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"[hoso] failed ({done.returncode}): {' '.join(str(part) for part in command)}")


def check_python() -> None:
    """End with a message that names the way out when this Python cannot make the environment."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"[hoso] Python 3.11 or newer is needed, this is {sys.version.split()[0]}: call make with PYTHON=python3.12"
        )
    try:
        for module in ("ensurepip", "venv"):
            importlib.import_module(module)
    except ImportError:
        sys.exit("[hoso] this Python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)")
    if os.uname().sysname != "Linux" or os.uname().machine != "x86_64":
        sys.exit(f"[hoso] the local stack is for Linux on x86-64, this is {os.uname().sysname} on {os.uname().machine}")


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
    """Fetch uv, once for all checkouts."""
    pins = REQUIREMENTS / "bootstrap.txt"
    home = CACHE / f"uv-{digest(pins.read_bytes())[:12]}"
    with locked("uv"):
        if not (home / "bin/uv").exists():
            say("fetching uv")
            making = Path(tempfile.mkdtemp(dir=CACHE, prefix="making-uv-"))
            try:
                run([sys.executable, "-m", "venv", making])
                pip = [making / "bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
                run([*pip, "--no-cache-dir", "--require-hashes", "--only-binary", ":all:", "-r", pins])
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


def make_environment(stamp: Path) -> None:
    """Bring `.venv` to what the checkout asks for."""
    lock, own = REQUIREMENTS / "dev.txt", distributions()
    python = f"{sys.version}{sys.base_prefix}{VENV}".encode()
    wanted = {
        "packages": digest(python, lock.read_bytes()),
        "own": digest(*[f"{folder}".encode() + (folder / "pyproject.toml").read_bytes() for folder in own]),
    }
    usable = (VENV / "bin/python").exists()
    made: dict[str, str] = json.loads(stamp.read_text()) if usable and stamp.exists() else {}
    if made == wanted:
        return
    uv = uv_binary()
    environment = uv_environment(uv)
    stamp.unlink(missing_ok=True)
    if made.get("packages") != wanted["packages"]:
        say("installing Python packages into .venv")
        if not usable or not made:
            run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV], environment)
        quiet = [] if sys.stderr.isatty() else ["--quiet"]
        run([uv, "pip", "sync", *quiet, "--require-hashes", "--python", VENV / "bin/python", lock], environment)
    say(f"installing the checkout's {len(own)} distributions into .venv")
    editable = [part for folder in own for part in ("-e", folder)]
    install = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--python", VENV / "bin/python"]
    run([*install, *editable], environment)
    stamp.write_text(json.dumps(wanted))


def lock() -> None:
    """Resolve requirements/dev.in anew, with the hashes of every platform and without any index's address."""
    uv = uv_binary()
    compile_ = [uv, "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"]
    compile_ += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--output-file", REQUIREMENTS / "dev.txt"]
    run([*compile_, REQUIREMENTS / "dev.in"], uv_environment(uv))


def main() -> None:
    """Make `.venv`, unless it is as it should be; with the argument `lock`, resolve the requirements."""
    check_python()
    if sys.argv[1:] == ["lock"]:
        lock()
        return
    began = time.monotonic()
    with locked(f"venv-{digest(str(ROOT).encode())[:12]}"):
        stamp = VENV / "hoso-stamp.json"
        before = stamp.stat().st_mtime_ns if stamp.exists() else 0
        make_environment(stamp)
        if stamp.stat().st_mtime_ns != before:
            say(f".venv is ready ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("[hoso] interrupted; run it again, it goes on where it stood")
