"""Command line of the local stack: `python -m hoso_stack up|down|status|logs|token|demo|provision|supervise`."""

import argparse
import asyncio
import ctypes
import json
import logging
import os
import signal
import subprocess
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from hoso_population_mock.people import POPULATION, subject_of
from hoso_stack import keys, ports, postgres, stack_env, tokens
from hoso_stack.layout import PORTS, SERVICES, Layout
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
    """Print a token of the running stack's issuer, or COUNT of them: each citizen's as a line of JSON with `sub`."""
    stack = running_stack()
    claims = {"unit": options.unit, "agency": options.agency, "assurance": options.assurance}
    mint = partial(tokens.mint, stack.folder / "keys", role=options.role, **claims, lifetime_s=options.seconds)
    if options.person is None:
        print(mint(options.sub))
    elif options.count is None:
        print(mint(subject_of(options.person)))
    else:
        for person in range(options.person, options.person + options.count):
            print(json.dumps({"sub": (sub := subject_of(person)), "token": mint(sub)}))


def sql(options: argparse.Namespace) -> None:
    """Ask a service's database and print the rows; dead letters are such rows."""
    url = running_stack().env().get(f"{options.service.upper()}_DATABASE_URL")
    if url is None:
        raise SystemExit(f"no service {options.service} has a database; there are {', '.join(SERVICES)}")
    for line in asyncio.run(postgres.ask(url, options.query)):
        print(line)


def running_stack() -> Stack:
    """The stack of `make up`, which must run."""
    stack = the_stack()
    if not stack.running():
        raise SystemExit("no stack runs here; `make up` starts it")
    return stack


def person_index(text: str) -> int:
    """Read the number of a synthetic person."""
    number = int(text)
    if not 0 <= number < POPULATION:
        raise argparse.ArgumentTypeError(f"there are people 0 to {POPULATION - 1}")
    return number


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
    who.add_argument("--person", type=person_index, help="number of a synthetic person, from 0")
    who.add_argument("--sub", help="any other subject")
    minting.add_argument("--role", default="citizen", help="citizen, officer, agency, operator, service")
    minting.add_argument("--unit", help="of an officer")
    minting.add_argument("--agency", help="of an officer or agency")
    minting.add_argument(
        "--assurance", type=int, choices=(1, 2), default=2, help="how surely the issuer knows who it is"
    )
    minting.add_argument("--seconds", type=int, default=tokens.LIFETIME_S, help="until it expires")
    minting.add_argument("--count", type=int, help="so many, of the persons from --person on, as JSON lines")
    minting.set_defaults(does=token)
    asking = commands.add_parser("sql", help=sql.__doc__)
    asking.add_argument("service", help=", ".join(SERVICES))
    asking.add_argument("query", help="one statement")
    asking.set_defaults(does=sql)
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
