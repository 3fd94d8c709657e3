"""The composition root: puts population, switches and routes together and serves them until it is told to stop."""

import signal
import socket
import sys
import time
from types import FrameType
from typing import Final, NoReturn

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hoso_population_mock.api import Register, answer_nobody
from hoso_population_mock.disturbance import Disturbance
from hoso_population_mock.people import Population
from hoso_population_mock.problems import Problem, answer_bug, answer_http_error, answer_problem
from hoso_population_mock.settings import Settings

_EX_CONFIG: Final = 78  # sysexits.h: something was found in an unconfigured or misconfigured state


def create_app(population: Population, disturbance: Disturbance) -> Starlette:
    """Make the ASGI application."""
    return Starlette(
        routes=Register(population, disturbance).routes(),
        exception_handlers={
            Problem: answer_problem,
            HTTPException: answer_http_error,
            ClientDisconnect: answer_nobody,
            Exception: answer_bug,
        },
    )


class Server(uvicorn.Server):
    """The HTTP server; when it stops, it frees the lookups that the switches hold."""

    def __init__(self, config: uvicorn.Config, disturbance: Disturbance) -> None:
        super().__init__(config)
        self._disturbance = disturbance

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, answer what is held, close."""
        self._disturbance.free()
        await super().shutdown(sockets)


def main() -> None:
    """Serve until SIGTERM or SIGINT, with the settings of the environment."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        settings = Settings()
    except ValidationError as error:
        names = ", ".join(str(each["loc"][0]).upper() for each in error.errors(include_input=False))
        sys.stderr.write(f"hoso-population-mock: these settings cannot be used: {names}\n")
        raise SystemExit(_EX_CONFIG) from None
    server(settings).run()


def server(settings: Settings) -> Server:
    """Make the HTTP server of a register."""
    disturbance = Disturbance(time.monotonic)
    config = uvicorn.Config(
        create_app(Population(settings.seed), disturbance),
        host=settings.http_host,
        port=settings.http_port,
        log_level=settings.log_level,
        access_log=False,
        ws="none",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,  # longer than its clients keep theirs: they would else ask on one that is just closed
    )
    return Server(config, disturbance)


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End with status 0: while it serves, the server takes the signal, answers what is held, and then comes here."""
    raise SystemExit(0)
