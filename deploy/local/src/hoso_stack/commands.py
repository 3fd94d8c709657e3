"""Command line of the local stack: `python -m hoso_stack up|down|status|logs|token|sql|demo|provision|supervise`."""

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
from typing import Final, NoReturn

from hoso_population_mock.people import POPULATION, subject_of
from hoso_stack import keys, ports, postgres, stack_env, tokens
from hoso_stack.cache import DiskFull, free_megabytes
from hoso_stack.layout import COUNTS, SERVICES, Layout, port_names
from hoso_stack.parts import all_parts, some_parts
from hoso_stack.progress import Progress
from hoso_stack.stack import Stack, StackFailed, clear, provision
from hoso_stack.supervisor import SHORT_MB, PartFailed, Supervisor

FAILURES: Final = (StackFailed, ports.PortTaken, DiskFull, postgres.Refused)
ROOT: Final = Path(__file__).resolve().parents[4]
OUT: Final = ROOT / "out"
PR_SET_PDEATHSIG: Final = 1


def the_stack() -> Stack:
    """The stack of `make up`."""
    return Stack(OUT / "stack", OUT / "stack.env", bound=False, port_base=ports.wished_base(), brokers=_brokers())


def _brokers() -> int:
    """How many brokers a person wants the stack of `make up` to have.

    Raises:
        StackFailed: a stack cannot have as many.
    """
    wished = os.environ.get("HOSO_BROKERS") or "1"
    if wished not in map(str, COUNTS):
        raise StackFailed(
            f"HOSO_BROKERS must be {' or '.join(map(str, COUNTS))}: set it so, or unset it for one broker"
        )
    return int(wished)


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
    stack = the_stack()
    seen = stack.status()
    if seen is None or seen["failed"]:
        raise StackFailed(str(seen["failed"]) if seen else none_runs(stack))
    print(f"{'part':<18} {'state':<9} {'pid':>8} {'restarts':>9}")
    for name, part in seen["parts"].items():
        print(f"{name:<18} {part['state']:<9} {part['pid'] or '':>8} {part['restarts'] or '':>9}")
    if (free := free_megabytes(stack.folder)) < SHORT_MB:
        print(f"\nThe disk of {_short(stack.folder)} has {free} MB free, too few for Kafka and PostgreSQL: delete some")
    if not seen["ready"]:
        raise SystemExit(1)


def logs(options: argparse.Namespace) -> None:
    """Follow the logs of all parts, or of those named."""
    stack = the_stack()
    folder = stack.folder / "logs"
    there = sorted(file.stem for file in folder.glob("*.log"))
    if not there:
        raise StackFailed(f"nothing was logged in {_short(folder)} yet; `make up` starts a stack")
    if unknown := [name for name in options.parts if name not in there]:
        raise StackFailed(f"{', '.join(unknown)} has no log in {_short(folder)}; there are {', '.join(there)}")
    follow = ["-F"] if stack.running() else []  # the logs of a stack that has ended grow no more
    files = [folder / f"{name}.log" for name in options.parts or there]
    subprocess.run(["tail", "-n", "20", *follow, *files], check=False)
    if not follow:
        stack.progress.say(f"these are of a stack that has ended; more of each is in {_short(folder)}")


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
        raise StackFailed(f"no service {options.service} has a database; there are {', '.join(SERVICES)}")
    for line in asyncio.run(postgres.ask(url, options.query)):
        print(line)


def running_stack() -> Stack:
    """The stack of `make up`, which must run."""
    stack = the_stack()
    if not stack.running():
        raise StackFailed(none_runs(stack))
    return stack


def none_runs(stack: Stack) -> str:
    """The words for that; a stack.env is left only by a supervisor that could not clean up."""
    left = (
        f" ({_short(stack.env_file)} is of one that was killed: believe no pid in it)"
        if stack.env_file.exists()
        else ""
    )
    return f"no stack runs here{left}; `make up` starts it"


def person_index(text: str) -> int:
    """Read the number of a synthetic person."""
    if not text.isdecimal() or int(text) >= POPULATION:
        raise argparse.ArgumentTypeError(f"there are people 0 to {POPULATION - 1}")
    return int(text)


def fetch(_: argparse.Namespace) -> None:
    """Fill the cache."""
    provision(Progress())


def demo(_: argparse.Namespace) -> None:
    """Carry one dossier from draft to mailbox on a stack of its own."""
    from hoso_stack.demo import run as tell_it  # noqa: PLC0415 - the other commands need none of what it needs

    raise SystemExit(tell_it(OUT / "demo"))


def supervise(options: argparse.Namespace) -> None:
    """Be the supervisor of a stack: keep its parts running until SIGTERM."""
    if options.bound_to:
        end_with_parent(signal.SIGTERM)
        if os.getppid() != options.bound_to:
            raise SystemExit(1)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is not there yet is no news
    try:
        wired = [who for who, told in options.wires.items() if "kafka" in told]
        chosen = ports.choose(port_names(options.brokers, wired), options.port_base)
        layout = Layout(options.folder, chosen, keys.make(options.folder / "keys"), options.brokers, options.wires)
        (layout.folder / "spans").mkdir()
        values = stack_env.addresses(layout)
        parts = all_parts(layout, provision(Progress()))
        parts = some_parts(parts, options.only.split(",")) if options.only else parts
        tell = partial(stack_env.write, options.env_file, values)
        let_go = partial(end_with_parent, 0) if options.until_ready else lambda: None
        asyncio.run(Supervisor(layout.folder, parts, tell, let_go).run())
    except PartFailed as error:
        raise StackFailed(str(error)) from None
    finally:
        clear(options.folder, options.env_file)


def end_with_parent(number: int) -> None:
    """Have the kernel send this signal when the parent ends; 0: none."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def _short(path: Path) -> str:
    return os.path.relpath(path)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in a line: who called make has no use for the usage of a module."""

    def error(self, message: str) -> NoReturn:
        """Raise what `run` raises."""
        raise StackFailed(f"{message}; `{self.prog} --help` says more")


def parser() -> Parser:
    """The command line."""
    whole = Parser(prog="python -m hoso_stack", description=__doc__)
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
    roles = ("citizen", "officer", "agency", "operator", "service")
    minting.add_argument("--role", choices=roles, default="citizen", help="what the holder may do")
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
    supervising.add_argument("--until-ready", action="store_true", help="bound only until every part is ready")
    supervising.add_argument("--brokers", type=int, choices=COUNTS, default=1, help="of Kafka")
    supervising.add_argument("--wires", type=json.loads, default={}, help="who finds which part at which other port")
    supervising.add_argument("--port-base", type=int, help="first of its ports; otherwise free ones")
    supervising.set_defaults(does=supervise)
    return whole


def run(arguments: Sequence[str]) -> None:
    """Do what the command line says.

    Raises:
        one of FAILURES: it could not be done; the message is for a person.
    """
    options = parser().parse_args(arguments)
    options.does(options)
