"""Command line of the local stack: `python -m hoso_stack up|down|status|logs|token|demo|provision|supervise`."""

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hoso_population_mock.people import subject_of
from hoso_stack import keys, ports, stack_env, tokens
from hoso_stack.layout import PORTS, Layout
from hoso_stack.parts import all_parts, some_parts
from hoso_stack.progress import Progress
from hoso_stack.stack import Stack, StackFailed, provision
from hoso_stack.supervisor import PartFailed, Supervisor

ROOT: Final = Path(__file__).resolve().parents[4]
OUT: Final = ROOT / "out"
PR_SET_PDEATHSIG: Final = 1


def the_stack() -> Stack:
    """The stack of `make up`."""
    return Stack(OUT / "stack", OUT / "stack.env", bound=False, port_base=ports.wished_base())


def up(_: argparse.Namespace) -> None:
    """Start the stack and leave it running."""
    stack = the_stack()
    if stack.running():
        stack.progress.say(f"the stack runs already; its addresses and tokens are in {_short(stack.env_file)}")
        return
    provision(stack.progress)
    seconds = stack.start()
    stack.progress.say(
        f"the stack is ready after {seconds:.1f} s; its addresses and tokens are in {_short(stack.env_file)}"
    )


def down(_: argparse.Namespace) -> None:
    """End the stack."""
    stack = the_stack()
    if not stack.running():
        stack.progress.say("no stack runs here")
    stack.stop()


def status(_: argparse.Namespace) -> None:
    """Print the state of every part; exit with 1 when not all are ready."""
    seen = the_stack().status()
    if seen is None or seen["failed"]:
        raise SystemExit(str(seen["failed"]) if seen else "no stack runs here; `make up` starts it")
    print(f"{'part':<18} {'state':<9} {'pid':>8} {'restarts':>9}")
    for name, part in seen["parts"].items():
        print(f"{name:<18} {part['state']:<9} {part['pid'] or '':>8} {part['restarts'] or '':>9}")
    if not seen["ready"]:
        raise SystemExit(1)


def logs(options: argparse.Namespace) -> None:
    """Follow the logs of all parts, or of those named."""
    folder = the_stack().folder / "logs"
    files = [folder / f"{name}.log" for name in options.parts] or sorted(folder.glob("*.log"))
    if not files or not all(file.exists() for file in files):
        raise SystemExit(f"no such log in {_short(folder)}")
    subprocess.run(["tail", "-n", "20", "-F", *files], check=False)


def token(options: argparse.Namespace) -> None:
    """Print a token of the running stack's issuer."""
    folder = the_stack().folder / "keys"
    if not folder.exists():
        raise SystemExit("no stack runs here; `make up` starts it")
    sub = subject_of(options.person) if options.person is not None else options.sub
    claims = {"unit": options.unit, "agency": options.agency, "assurance": options.assurance}
    print(tokens.mint(folder, sub, options.role, **claims, lifetime_s=options.seconds))


def fetch(_: argparse.Namespace) -> None:
    """Fill the cache."""
    provision(Progress())


def demo(_: argparse.Namespace) -> None:
    """Carry one dossier from draft to mailbox on a stack of its own."""
    from hoso_stack.demo import run  # noqa: PLC0415 - the other commands need none of what it needs

    raise SystemExit(run(OUT / "demo"))


def supervise(options: argparse.Namespace) -> None:
    """Be the supervisor of a stack: keep its parts running until SIGTERM."""
    if options.bound_to:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != options.bound_to:
            raise SystemExit(1)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is not there yet is no news
    try:
        layout = Layout(options.folder, ports.choose(PORTS, options.port_base), keys.make(options.folder / "keys"))
        (layout.folder / "spans").mkdir()
        values = stack_env.addresses(layout)
        parts = all_parts(layout, provision(Progress()))
        parts = some_parts(parts, options.only.split(",")) if options.only else parts
        tell = partial(stack_env.write, options.env_file, values)
        asyncio.run(Supervisor(layout.folder, parts, tell).run())
    except (PartFailed, ports.PortTaken) as error:
        raise SystemExit(str(error)) from None
    finally:
        options.env_file.unlink(missing_ok=True)


def _short(path: Path) -> str:
    return os.path.relpath(path)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="python -m hoso_stack", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name, does in (("up", up), ("down", down), ("status", status), ("provision", fetch), ("demo", demo)):
        commands.add_parser(name, help=does.__doc__).set_defaults(does=does)
    following = commands.add_parser("logs", help=logs.__doc__)
    following.add_argument("parts", nargs="*", help="names of parts, as `status` shows them")
    following.set_defaults(does=logs)
    minting = commands.add_parser("token", help=token.__doc__)
    who = minting.add_mutually_exclusive_group(required=True)
    who.add_argument("--person", type=int, help="number of a synthetic person, from 0")
    who.add_argument("--sub", help="any other subject")
    minting.add_argument("--role", default="citizen", help="citizen, officer, agency, operator, service")
    minting.add_argument("--unit", help="of an officer")
    minting.add_argument("--agency", help="of an officer or agency")
    minting.add_argument(
        "--assurance", type=int, choices=(1, 2), default=2, help="how surely the issuer knows who it is"
    )
    minting.add_argument("--seconds", type=int, default=tokens.LIFETIME_S, help="until it expires")
    minting.set_defaults(does=token)
    supervising = commands.add_parser("supervise", help=supervise.__doc__)
    supervising.add_argument("folder", type=Path)
    supervising.add_argument("env_file", type=Path)
    supervising.add_argument("--only", help="names of parts, with commas")
    supervising.add_argument("--bound-to", type=int, help="process whose end is the stack's end")
    supervising.add_argument("--port-base", type=int, help="first of its ports; otherwise free ones")
    supervising.set_defaults(does=supervise)
    return whole


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says; a failure is its message and a status of 1."""
    options = parser().parse_args(arguments)
    try:
        options.does(options)
    except (StackFailed, ports.PortTaken) as error:
        raise SystemExit(f"[hoso] {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("[hoso] interrupted") from None


if __name__ == "__main__":
    main()
